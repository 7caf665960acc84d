"""The call of ballyhoo.append_events: what goes in, packed, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.postgres import binary

STORED, CONFLICT, REPLAY, FENCED = range(4)

APPEND = (
    "select outcomes, positions, versions, times, engagement "
    "from ballyhoo.append_events(%b, %b, %b, %b::timestamptz)"
)
TYPES = ("ballyhoo.command_in", "ballyhoo.event_in", "ballyhoo.due_in")
Oids = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """What one command wants appended, packed: ``stream`` and ``key`` only keep twins out of one group."""

    stream: tuple[int, UUID]
    key: tuple[int, str] | None
    row: bytes
    events: Sequence[tuple[UUID, tuple[bytes, ...]]]
    due: Sequence[tuple[bytes, ...]]

    @property
    def size(self) -> int:
        """Bytes on the wire, roughly."""
        return len(self.row) + sum(len(field) for _, fields in self.events for field in fields)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: one of STORED, CONFLICT, REPLAY, FENCED; with CONFLICT ``version`` is what stands."""

    outcome: int
    version: int | None
    position: int | None
    recorded_at: datetime | None
    engagement: int


def append_parameters(oids: Oids, commands: list[Command], clock: datetime | None) -> tuple[Any, ...]:
    """The parameters of APPEND for a group of commands; ``clock`` is a test's clock or None."""
    events: list[bytes] = []
    due: list[bytes] = []
    for number, command in enumerate(commands, 1):
        ordinal = binary.int4(number)
        events.extend(binary.row(ordinal, *fields) for _, fields in command.events)
        due.extend(binary.row(ordinal, *fields) for fields in command.due)
    commands_oid, events_oid, due_oid = oids
    return (
        binary.CompositeArray(commands_oid, [command.row for command in commands]),
        binary.CompositeArray(events_oid, events),
        binary.CompositeArray(due_oid, due) if due else None,
        clock,
    )


def outcomes_of(row: Sequence[Any] | None) -> list[Outcome]:
    """The row that APPEND answers, an outcome for each command."""
    assert row is not None
    outcomes, positions, versions, times, engagement = row
    return [
        Outcome(outcome, version, position, at, engagement)
        for outcome, position, version, at in zip(outcomes, positions, versions, times, strict=True)
    ]
