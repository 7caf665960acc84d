"""Tracking asked without a socket: a log that keeps facts in a list, and one request at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from api.tracking import make_tracking
from application.ports import Caller, Position
from application.ports_facts import CampaignRef, RecordedFacts
from domain.engagement.fact import Fact
from domain.shared.errors import Fault

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CAMPAIGN = "01931f7a-7d3c-7c4e-9a51-2f1f5a3b8c10"
YEN = "01931f7a-7d3c-7c4e-9a51-2f1f5a3b8c11"
KEY = "k" * 40
EPOCH = UUID(int=5)


class ListOfFacts:
    """A log that keeps everything; ``fails`` is raised instead, ``refuses`` says which ids the store cannot keep."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.fails: Exception | None = None
        self.refuses: set[str] = set()
        self.duplicates: set[str] = set()
        self.ways_given: list[int] = []
        self._campaigns = {CAMPAIGN: CampaignRef(1, "USD", 2), YEN: CampaignRef(2, "JPY", 0)}
        self._known: set[str] = set()

    def known_campaign(self, workspace: int, id: str) -> CampaignRef | None:
        """Known after it was asked for."""
        return self._campaigns[id] if id in self._known else None

    async def campaigns(self, workspace: int, ids: Collection[str]) -> Mapping[str, CampaignRef]:
        """The two campaigns that there are."""
        found = {id: self._campaigns[id.lower()] for id in ids if id.lower() in self._campaigns}
        self._known.update(id for id in found if id in self._campaigns)
        return found

    async def give_way(self, workspace: int) -> None:
        """Counts who does."""
        self.ways_given.append(workspace)

    async def record(self, workspace: int, facts: Sequence[Fact]) -> RecordedFacts:
        """Keep them."""
        if self.fails is not None:
            raise self.fails
        refused = {
            index: Fault("", "not_storable", "No.") for index, fact in enumerate(facts) if fact.id in self.refuses
        }
        duplicates = [index for index, fact in enumerate(facts) if fact.id in self.duplicates]
        self.facts += [fact for index, fact in enumerate(facts) if index not in refused and index not in duplicates]
        return RecordedFacts(duplicates, refused, Position(EPOCH, 3, len(self.facts)))


class OpenSeal:
    """Seals nothing: a token can be read."""

    def seal(self, workspace: int, position: Position) -> str:
        """Workspace and position."""
        return f"{workspace}.{position.engagement}"

    def unseal(self, workspace: int, token: str) -> Position:
        """Never asked here."""
        raise NotImplementedError

    def seal_text(self, workspace: int, purpose: str, content: bytes) -> str:
        """Never asked here."""
        raise NotImplementedError

    def unseal_text(self, workspace: int, purpose: str, token: str) -> bytes:
        """Never asked here."""
        raise NotImplementedError


class OneKey:
    """Knows one key, once it was verified."""

    def __init__(self) -> None:
        self._known: dict[str, Caller] = {}

    def known(self, key: str) -> Caller | None:
        """A key that was verified."""
        return self._known.get(key)

    async def verify(self, key: str) -> Caller | None:
        """The one key."""
        if key != KEY:
            return None
        return self._known.setdefault(key, Caller(1, UUID(int=1), "key:1", "owner"))


class StandingClock:
    """It is always the same moment."""

    def now(self) -> datetime:
        """That moment."""
        return NOW


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    @property
    def body(self) -> Any:
        """Its JSON."""
        return json.loads(self.content)

    @property
    def told(self) -> set[tuple[str, str]]:
        """Pointers and codes of a problem, or of everything that was rejected."""
        body = self.body
        errors = body.get("errors") or [error for entry in body["rejected"] for error in entry["errors"]]
        return {(error["pointer"], error["code"]) for error in errors}


class Asking:
    """The endpoint with its surroundings."""

    def __init__(self) -> None:
        self.log = ListOfFacts()
        self._app = make_tracking(OneKey(), self.log, OpenSeal(), StandingClock())

    def track(self, fact: Any, **headers: str) -> Answered:
        """One fact."""
        return asyncio.run(self.ask("/v1/track", _body(fact), headers))

    def batch(self, facts: Any, **headers: str) -> Answered:
        """Several."""
        return asyncio.run(self.ask("/v1/track/batch", _body({"facts": facts}), headers))

    def post(self, path: str, body: bytes, **headers: str) -> Answered:
        """Any body."""
        return asyncio.run(self.ask(path, body, headers))

    async def ask(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        chunk: int = 65_536,
    ) -> Answered:
        """One request, its body in chunks as a server would hand them on."""
        pieces = [body[start : start + chunk] for start in range(0, len(body), chunk)] or [b""]
        sent = iter(
            {"type": "http.request", "body": piece, "more_body": index < len(pieces) - 1}
            for index, piece in enumerate(pieces)
        )
        seen: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return next(sent, {"type": "http.disconnect"})

        async def send(message: MutableMapping[str, Any]) -> None:
            seen.append(message)

        named = {"authorization": f"Bearer {KEY}", **{k.replace("_", "-"): v for k, v in (headers or {}).items()}}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in named.items() if value]
        scope = {"type": "http", "method": method, "path": path, "headers": raw}
        await self._app(scope, receive, send)
        start, end = seen
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        assert int(found["content-length"]) == len(end["body"])
        return Answered(start["status"], found, end["body"])


def _body(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def a_fact(**changes: Any) -> dict[str, Any]:
    """A click with changes; None takes a field out."""
    fact = {"id": "f-1", "kind": "click", "campaign_id": CAMPAIGN, **changes}
    return {name: value for name, value in fact.items() if value is not None}
