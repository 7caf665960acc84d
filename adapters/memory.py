"""The in-memory twins of the store and the clock, for tests that need no server."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from application.ports import (
    A,
    Answer,
    Context,
    DueClaim,
    Entry,
    Fenced,
    Idempotency,
    Kept,
    KeyUsedDifferently,
    Position,
    Recorded,
    StaleVersion,
)
from domain.shared.aggregate import Aggregate
from domain.shared.errors import AlreadyExists, NotFound
from domain.shared.times import written

_TICK = timedelta(microseconds=1)
_EPOCH = UUID(int=0)


class MemoryClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """The moment at which it stands."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move it."""
        self._at += by


@dataclass(frozen=True)
class DueRow:
    """A claimed row of due work, and what it is about."""

    claim: DueClaim
    workspace: int
    id: UUID
    kind: str


@dataclass
class _Waiting:
    row: int
    at: datetime
    fence: int = 0


@dataclass
class _Stream:
    kind: str
    entries: list[tuple[int, Entry]] = field(default_factory=list)


class MemoryEventStore:
    """Keeps streams in lists, with the promises of ``application.ports.EventStore``.

    Times of recording come from ``clock`` and rise by at least a microsecond from event to event.
    """

    def __init__(self, clock: MemoryClock) -> None:
        self._clock = clock
        self._streams: dict[tuple[int, UUID], _Stream] = {}
        self._kept: dict[tuple[int, str], tuple[bytes, Kept]] = {}
        self._due: dict[tuple[int, UUID, str], _Waiting] = {}
        self._position = 0
        self._rows = 0
        self._last = datetime.min.replace(tzinfo=UTC)

    async def get(
        self,
        kind: type[A],
        workspace: int,
        id: UUID,
        *,
        version: int | None = None,
        position: int | None = None,
    ) -> A:
        """The aggregate now, or as it was at a version or a position. NotFound."""
        aggregate: Any = None
        for reached, entry in self._stream(kind, workspace, id).entries:
            if (version is None or entry.event.originator_version <= version) and (
                position is None or reached <= position
            ):
                event: Any = entry.event
                aggregate = event.mutate(aggregate)
        if aggregate is None or (version is not None and aggregate.version != version):
            raise NotFound(f"There was no {kind.KIND} {id} at that moment.")
        aggregate.was_loaded()
        loaded: A = aggregate
        return loaded

    async def history(self, kind: type[Aggregate], workspace: int, id: UUID) -> list[Entry]:
        """Every event of a stream, oldest first. NotFound."""
        return [entry for _, entry in self._stream(kind, workspace, id).entries]

    async def save(self, aggregate: Aggregate, context: Context) -> Recorded:
        """See ``application.ports.EventStore.save``."""
        events: list[Any] = list(aggregate.collect_events())
        answer = await context.present(aggregate) if context.present is not None else None
        workspace, keyed = context.caller.workspace, context.idempotency
        # From here on nothing waits, so nothing comes in between.
        if keyed is not None and (kept := await self.answer(workspace, keyed)) is not None:
            position = kept.position or Position(_EPOCH, 0, 0)
            return Recorded(position, kept.recorded_at or context.at, kept.version or 0, kept.answer, True)
        stream = self._streams.get((workspace, aggregate.id), _Stream(aggregate.KIND))
        expected = events[0].originator_version - 1
        if len(stream.entries) != expected or stream.kind != aggregate.KIND:
            if expected == 0:
                raise AlreadyExists(stream.kind.replace("_", " "), aggregate.id)
            raise StaleVersion(len(stream.entries))
        self._take(context.due)
        self._streams[workspace, aggregate.id] = stream
        for event in events:
            self._append(stream, event, context)
        for kind, at in aggregate.changed_due_work().items():
            self._wait(workspace, aggregate.id, kind, at)
        position = Position(_EPOCH, self._position, 0)
        stamped = answer and Answer(answer.status, answer.stamped(written(self._last).encode()))
        if keyed is not None and stamped is not None:
            self._keep(workspace, keyed, Kept(stamped, aggregate.version, position, self._last))
        return Recorded(position, self._last, aggregate.version, stamped)

    async def answer(self, workspace: int, idempotency: Idempotency) -> Kept | None:
        """What stands under a key. KeyUsedDifferently."""
        found = self._kept.get((workspace, idempotency.key))
        if found is None:
            return None
        if found[0] != idempotency.fingerprint:
            raise KeyUsedDifferently
        return found[1]

    async def keep(self, workspace: int, idempotency: Idempotency, answer: Answer) -> None:
        """Keep a decision that made no event; the first answer under a key stands."""
        self._keep(workspace, idempotency, Kept(answer, None, None, None))

    def claim_due(self) -> list[DueRow]:
        """Claim everything that is due by the clock; an earlier claim of the same row is fenced off."""
        claimed = []
        for (workspace, id, kind), waiting in self._due.items():
            if waiting.at <= self._clock.now():
                waiting.fence += 1
                claimed.append(DueRow(DueClaim(waiting.row, waiting.fence), workspace, id, kind))
        return claimed

    def _stream(self, kind: type[Aggregate], workspace: int, id: UUID) -> _Stream:
        stream = self._streams.get((workspace, id))
        if stream is None or stream.kind != kind.KIND:
            raise NotFound(f"There is no {kind.KIND} {id} in this workspace.")
        return stream

    def _append(self, stream: _Stream, event: Any, context: Context) -> None:
        self._position += 1
        self._last = max(self._clock.now(), self._last + _TICK)
        recorded = replace(event, timestamp=self._last)
        entry = Entry(
            recorded, uuid4(), self._last, context.caller.actor, context.correlation, context.causation
        )
        stream.entries.append((self._position, entry))

    def _keep(self, workspace: int, idempotency: Idempotency, kept: Kept) -> None:
        self._kept.setdefault((workspace, idempotency.key), (idempotency.fingerprint, kept))

    def _take(self, due: DueClaim | None) -> None:
        if due is None:
            return
        for key, waiting in self._due.items():
            if (waiting.row, waiting.fence) == (due.id, due.fence):
                del self._due[key]
                return
        raise Fenced

    def _wait(self, workspace: int, id: UUID, kind: str, at: datetime | None) -> None:
        self._due.pop((workspace, id, kind), None)
        if at is not None:
            self._rows += 1
            self._due[workspace, id, kind] = _Waiting(self._rows, at)
