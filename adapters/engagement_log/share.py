"""What one request wants appended, packed, and what became of it so far."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from adapters.engagement_log.interning import ContactKey
from application.ports_facts import RecordedFacts
from domain.engagement.fact import Fact
from domain.shared.errors import Fault


class Share:
    """The facts of one request on their way through one or more groups.

    ``rows`` and ``keys`` run beside ``facts``. ``orders`` maps indexes of conversions to their order's key.
    ``contacts`` maps indexes to contacts that the log may not have yet. ``erasures`` is the counter under which
    contacts were looked up, None where the facts name none. ``size`` counts the bytes of the rows. ``sent`` facts
    are in a group, ``done`` of them are answered. The mappings are None until there is something in them: most
    requests have one fact, and every object counts.
    """

    __slots__ = (
        "answer", "contacts", "done", "duplicates", "erasures", "facts", "keys", "orders", "refused", "rows", "sent",
        "size", "voids", "workspace",
    )  # fmt: skip

    def __init__(self, workspace: int, facts: Sequence[Fact], answer: asyncio.Future[RecordedFacts]) -> None:
        self.workspace = workspace
        self.facts = facts
        self.answer = answer
        self.rows: list[bytes] = []
        self.keys: list[bytes] = []
        self.orders: dict[int, bytes] | None = None
        self.contacts: dict[int, tuple[ContactKey, bytes]] | None = None
        self.erasures: int | None = None
        self.voids = False
        self.size = 0
        self.sent = 0
        self.done = 0
        self.duplicates: set[int] | None = None
        self.refused: dict[int, Fault] | None = None

    def fail(self, error: Exception) -> None:
        """Answer with an error, where there is no answer yet."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def settle(self, count: int, recorded: RecordedFacts) -> None:
        """``count`` more facts are answered. With the last of them the request is: with ``recorded``, unless it has
        duplicates or refusals of its own."""
        self.done += count
        if self.done < len(self.rows) or self.answer.done():
            return
        if self.duplicates is not None or self.refused is not None:
            recorded = RecordedFacts(self.duplicates or (), self.refused or {}, recorded.position)
        self.answer.set_result(recorded)
