"""A client of the API as its users write one: JSON both ways, one connection a thread, nothing hidden."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4


class NoReply(Exception):
    """The connection ended before an answer came: what was asked may have been done or not."""


@dataclass(frozen=True)
class Answer:
    """What came back. Header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    @cached_property
    def body(self) -> Any:
        """The JSON of the body; None where it is empty."""
        return json.loads(self.content) if self.content else None

    @property
    def position(self) -> str:
        """The position that came with the answer."""
        return self.headers["ballyhoo-position"]

    @property
    def version(self) -> int:
        """The version that the ETag names."""
        return int(self.headers["etag"].strip('"'))

    @property
    def replayed(self) -> bool:
        """Whether this is what an earlier request with the same key was answered."""
        return self.headers.get("idempotent-replayed") == "true"

    def ok(self, status: int = 200) -> Answer:
        """The same answer, insisting on its status."""
        assert self.status == status, f"{self.status} instead of {status}: {self.content[:2000]!r}"
        return self

    def __repr__(self) -> str:
        return f"Answer({self.status}, {self.content[:500]!r})"


class _Connection(HTTPConnection):
    """A connection that is closed with the thread, or the client, that has it."""

    def __del__(self) -> None:
        self.close()


class Client:
    """Asks the API at ``url`` with ``key``; None asks without one. Any number of threads may use it."""

    def __init__(self, url: str, key: str | None, *, timeout: float = 40.0) -> None:
        self.url = url
        self.key = key
        self._timeout = timeout
        self._own = threading.local()

    def at(self, url: str) -> Client:
        """The same user at another address."""
        return Client(url, self.key, timeout=self._timeout)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Answer:
        """One request. ``body`` is sent as it is where it is bytes, else as JSON. NoReply."""
        sent = dict(headers or {})
        if self.key is not None:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        if query:
            path += "?" + urlencode(query, doseq=True)
        content = body
        if body is not None and not isinstance(body, bytes):
            content = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = self._connection()
        try:
            connection.request(method, path, content, sent)
            reply = connection.getresponse()
            received = reply.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise NoReply(f"{method} {path}: {type(error).__name__}: {error}") from error
        return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, received)

    def get(self, path: str, **query: Any) -> Answer:
        """Read; ``query`` may hold lists. A name that ends with ``_`` loses it (``from_``)."""
        return self.call("GET", path, query={name.rstrip("_"): value for name, value in query.items()})

    def post(self, path: str, body: Any = None, *, key: str | None = None, if_match: int | None = None) -> Answer:
        """A command, with an idempotency key and an expected version where they are given."""
        return self.call("POST", path, body, headers=conditions(key, if_match))

    def patch(self, path: str, body: Any, *, key: str | None = None, if_match: int | None = None) -> Answer:
        """A merge patch."""
        return self.call("PATCH", path, body, headers=conditions(key, if_match))

    def delete(self, path: str, *, key: str | None = None, if_match: int | None = None) -> Answer:
        """A deletion."""
        return self.call("DELETE", path, headers=conditions(key, if_match))

    def track(self, *facts: Mapping[str, Any]) -> Answer:
        """A batch of facts, each of which has to be taken in. Facts without an id get one."""
        answer = self.post("/v1/track/batch", {"facts": [with_id(fact) for fact in facts]}).ok()
        assert answer.body["rejected"] == [], answer
        return answer

    def pages(self, path: str, **query: Any) -> list[Any]:
        """Every item of a list, page after page."""
        items: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **query, **cursor).ok().body
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = {"cursor": page["next"]}

    def _connection(self) -> HTTPConnection:
        if not hasattr(self._own, "connection"):
            address = urlsplit(self.url)
            self._own.connection = _Connection(address.hostname or "", address.port, timeout=self._timeout)
        connection: HTTPConnection = self._own.connection
        return connection


def conditions(key: str | None = None, if_match: int | None = None) -> dict[str, str]:
    """The headers of a command."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return headers if if_match is None else headers | {"If-Match": f'"{if_match}"'}


def with_id(fact: Mapping[str, Any]) -> dict[str, Any]:
    """A fact that has an id."""
    return {"id": str(uuid4()), **fact}


def persistently(ask: Any, *, seconds: float = 60.0, also: Sequence[int] = ()) -> Answer:
    """Ask again and again while nothing answers or it is not available, as a careful client does."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer: Answer = ask()
        except NoReply:
            if time.monotonic() > deadline:
                raise
        else:
            if answer.status not in (429, 503, *also) or time.monotonic() > deadline:
                return answer
        time.sleep(0.05)
