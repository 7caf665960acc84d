"""The call of ballyhoo.append_events: what goes in, packed, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from adapters.postgres import binary

STORED, CONFLICT, REPLAY, FENCED = range(4)

APPEND = (
    "select outcomes, stands, base, recorded, engagement "
    "from ballyhoo.append_events(%b, %b, %b, %b::timestamptz)"
)
TYPES = ("ballyhoo.command_in", "ballyhoo.event_in", "ballyhoo.due_in")
Oids = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """What one command wants appended, packed: ``stream`` and ``key`` only keep twins out of one group.

    ``events`` are the ids (16 bytes) and rows of its events. The rows of ``events`` and ``due`` lack their last
    column, the place of the command in its group.
    """

    stream: tuple[int, UUID]
    key: tuple[int, str] | None
    row: bytes
    events: Sequence[tuple[bytes, bytes]]
    due: Sequence[bytes]

    @property
    def size(self) -> int:
        """Bytes on the wire, roughly."""
        return len(self.row) + sum([len(row) for _, row in self.events])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: one of STORED, CONFLICT, REPLAY, FENCED; with CONFLICT ``version`` is what stands.

    What was stored has the position and the time of its last event, and the position of the other log then.
    """

    outcome: int
    version: int | None = None
    position: int | None = None
    recorded_at: datetime | None = None
    engagement: int = 0


def append_parameters(oids: Oids, commands: Sequence[Command], clock: datetime | None) -> tuple[Any, ...]:
    """The parameters of APPEND for a group of commands; ``clock`` is a test's present moment or None."""
    events: list[bytes] = []
    due: list[bytes] = []
    for number, command in enumerate(commands, 1):
        place = binary.int4(number)
        events += [row + place for _, row in command.events]
        due += [row + place for row in command.due]
    commands_oid, events_oid, due_oid = oids
    return (
        binary.CompositeArray(commands_oid, [command.row for command in commands]),
        binary.CompositeArray(events_oid, events),
        binary.CompositeArray(due_oid, due) if due else None,
        clock,
    )


def outcomes_of(row: Sequence[Any] | None, commands: Sequence[Command]) -> list[Outcome]:
    """The row that APPEND answered to ``commands``, as an outcome for each."""
    assert row is not None
    outcomes, stands, base, recorded, engagement = row
    found: list[Outcome] = []
    before = 0
    for place, (outcome, command) in enumerate(zip(outcomes, commands, strict=True)):
        if outcome == STORED:
            before += len(command.events)
            at = recorded + timedelta(microseconds=before - 1)
            found.append(Outcome(STORED, None, base + before, at, engagement))
        else:
            found.append(Outcome(outcome, stands[place] if outcome == CONFLICT else None))
    return found
