"""Words that only one workspace ever says, and a client that looks for those of the others in every answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.faults.journal import Journal
from tests.support.client import Answer, Client, NoReply

CANARIES = ("kingfisher", "nightjar")
"""In names, tags, labels, ids and contacts of the first and the second workspace."""


class Watched(Client):
    """A user of one workspace. What must never be answered goes into the journal."""

    def __init__(self, url: str, key: str, workspace: int, journal: Journal) -> None:
        super().__init__(url, key, timeout=8.0)
        self.workspace = workspace
        self._journal = journal
        self._foreign = [word.encode() for number, word in enumerate(CANARIES) if number != workspace]

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Answer:
        """One request, watched. NoReply."""
        self._journal.count("requests")
        try:
            answer = super().call(method, path, body, headers=headers, query=query)
        except NoReply:
            self._journal.count("requests without a reply")
            raise
        if answer.status >= 500:
            again, body = answer.headers.get("retry-after"), answer.content[:300].decode(errors="replace")
            self._journal.failed(answer.status, f"{method} {path}", again, body)
        for word in self._foreign:
            if word in answer.content:
                self._journal.saw_foreign(f"{method} {path} of workspace {self.workspace} answers {word.decode()}")
        return answer


class Anywhere:
    """The same user at any of several addresses: each call goes to the next one that ``choose`` gives."""

    def __init__(self, users: Sequence[Watched], choose: Callable[[Sequence[Watched]], Watched]) -> None:
        self.workspace = users[0].workspace
        self._users = users
        self._choose = choose

    def __call__(self) -> Watched:
        """One of them."""
        return self._choose(self._users)
