"""What the write side asks of the world. Adapters answer; ``infra/bootstrap.py`` plugs them together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from domain.campaign.goals import Figures as Figures
from domain.shared.aggregate import Aggregate
from domain.shared.errors import Conflict, DomainError
from domain.shared.event import Event
from domain.shared.position import Position as Position

A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True)
class Caller:
    """Who asks: the workspace comes from the verified credential, never from a body."""

    workspace: int
    workspace_id: UUID
    actor: str
    role: str


@dataclass(frozen=True)
class Answer:
    """What a command answered: kept under its idempotency key, in the transaction of its events.

    ``stamped`` puts the time of recording in the place of the clock's, so that what was answered names a moment
    of the log.
    """

    status: int
    body: bytes
    at: bytes = b""

    def stamped(self, recorded_at: bytes) -> bytes:
        """The body with the recorded time (RFC 3339, UTC, microseconds) where the command's own time stood."""
        return self.body.replace(self.at, recorded_at) if self.at else self.body


@dataclass(frozen=True)
class Idempotency:
    """A client's key with what it was used for: ``fingerprint`` is the SHA-256 of route and body."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True)
class DueClaim:
    """A claimed row of due work that the command finishes; ``fence`` rises with every claim."""

    id: int
    fence: int


@dataclass(frozen=True)
class Context:
    """Around a command: who, why, when, and under which conditions."""

    caller: Caller
    at: datetime
    correlation: str
    causation: UUID | None = None
    if_match: frozenset[int] | None = None
    idempotency: Idempotency | None = None
    due: DueClaim | None = None
    present: Callable[[Any], Awaitable[Answer]] | None = None


@dataclass(frozen=True)
class Recorded:
    """What the log said to a save. ``replayed`` is set where an earlier twin had already answered."""

    position: Position
    recorded_at: datetime
    version: int
    answer: Answer | None = None
    replayed: bool = False


class StaleVersion(Exception):
    """Somebody else's events came in between; ``stands`` is the version that is there now."""

    def __init__(self, stands: int) -> None:
        self.stands = stands
        super().__init__(f"version {stands} stands")


class Fenced(Exception):
    """The claimed due work belongs to somebody else by now: nothing was written."""


class Overloaded(Exception):
    """A bounded queue is full; come again after ``retry_after`` seconds."""

    def __init__(self, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__("too much is waiting")


class Unavailable(Exception):
    """The database does not answer just now; nothing that was acknowledged is lost."""


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        ...


class Ids(Protocol):
    """Where ids come from."""

    def new(self) -> UUID:
        """A fresh UUIDv7."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer that stands under a key; ``version`` and ``position`` are None for a refusal."""

    answer: Answer
    version: int | None
    position: Position | None
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a stream with its envelope."""

    event: Event
    event_id: UUID
    recorded_at: datetime
    actor: str
    correlation: str
    causation: UUID | None


class KeyUsedDifferently(DomainError):
    """This Idempotency-Key was used with another route or body; use a new key for a new request."""


class EventStore(Protocol):
    """Loads aggregates of a workspace and saves what they decided."""

    async def get(
        self,
        kind: type[A],
        workspace: int,
        id: UUID,
        *,
        version: int | None = None,
        position: int | None = None,
    ) -> A:
        """The aggregate as it stands, or stood at a version or at a position of the log.

        NotFound where the workspace has no such stream, or had not at that moment.
        """
        ...

    async def save(self, aggregate: Aggregate, context: Context) -> Recorded:
        """Append the pending events as one, with the key's answer and the due work, or raise.

        StaleVersion where the stream moved on; AlreadyExists where a new stream is taken; Fenced where the due
        work was taken over; Overloaded where too much waits.
        """
        ...


class Histories(Protocol):
    """Reads whole streams with their envelopes."""

    async def history(self, kind: type[Aggregate], workspace: int, id: UUID) -> list[Entry]:
        """Every event of a stream, oldest first. NotFound."""
        ...


class KeptAnswers(Protocol):
    """What was answered under idempotency keys."""

    async def answer(self, workspace: int, idempotency: Idempotency) -> Kept | None:
        """What stands under a key. KeyUsedDifferently where it was used with another route or body."""
        ...

    async def keep(self, workspace: int, idempotency: Idempotency, answer: Answer) -> None:
        """Keep a decision that made no event; the first answer under a key stands."""
        ...


@dataclass(frozen=True, slots=True)
class Reached:
    """What a campaign has reached by the facts up to the position ``engagement`` of their log; None where facts that
    it takes to tell, recorded before ``horizon``, were dropped."""

    figures: Figures | None
    engagement: int
    horizon: str | None = None


class CampaignFigures(Protocol):
    """Asks the read models what campaigns have reached (application stays ignorant of how)."""

    async def of(self, workspace: int, id: UUID, *, as_of: Position | None = None) -> Reached:
        """What one campaign has reached, now or as known at a position."""
        ...

    async def final(self, workspace: int, id: UUID) -> dict[str, Any]:
        """Its whole metrics with the position that they reflect, for its completion. NotFound."""
        ...


class VersionConflict(Conflict):
    """Others kept changing this at the same time; load it again and repeat."""

    def __init__(self, seen: int, stands: int) -> None:
        self.seen = seen
        self.stands = stands
        super().__init__(
            f"It was version {seen} when read and is version {stands} now; load it again and repeat."
        )


class PreconditionFailed(Exception):
    """If-Match names other versions than the one that stands."""

    def __init__(self, stands: int) -> None:
        self.stands = stands
        super().__init__(f"If-Match does not name version {stands}, which stands.")


class BadToken(Exception):
    """This token is broken, or it belongs to another workspace."""


class Seal(Protocol):
    """Makes positions and cursors opaque."""

    def seal(self, workspace: int, position: Position) -> str:
        """A position as a token."""
        ...

    def unseal(self, workspace: int, token: str) -> Position:
        """A token's position. BadToken."""
        ...

    def seal_text(self, workspace: int, purpose: str, content: bytes) -> str:
        """Any content as a token that is good for one purpose."""
        ...

    def unseal_text(self, workspace: int, purpose: str, token: str) -> bytes:
        """That content again. BadToken."""
        ...


class Moments(Protocol):
    """Where in the logs a time lies."""

    async def at(self, moment: datetime) -> Position | None:
        """The last position recorded at or before a time; None where the time lies ahead."""
        ...

    async def head(self) -> Position:
        """The last position of each log."""
        ...


@dataclass(frozen=True, slots=True)
class Claimed:
    """One piece of due work that is ours until its lease ends; ``at`` is the queue's clock when it was claimed."""

    claim: DueClaim
    kind: str
    due_at: datetime
    stream_kind: str
    stream: UUID
    workspace: int
    workspace_id: UUID
    at: datetime


class DueQueue(Protocol):
    """What is due later, and what is due now."""

    async def claim(self, most: int, now: datetime | None = None) -> list[Claimed]:
        """Up to ``most`` pieces that are due now and nobody else's."""
        ...

    async def drop(self, claim: DueClaim) -> None:
        """Forget what turned out not to be due."""
        ...

    async def again(self, claim: DueClaim, due_at: datetime) -> None:
        """Done for now; it falls due again at ``due_at``."""
        ...

    async def failed(self, claim: DueClaim, error: str) -> None:
        """Note why it did not work; it comes again when the lease ends."""
        ...
