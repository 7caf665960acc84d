"""The call of ballyhoo.append_events: what goes in, packed, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from adapters.postgres import binary

STORED, CONFLICT, REPLAY, FENCED = range(4)

Oids = tuple[int, int, int]

APPEND = """
select outcomes, stands, base, recorded, engagement from ballyhoo.append_events(
  $1::ballyhoo.command_in[], $2::ballyhoo.event_in[], $3::ballyhoo.due_in[], $4::timestamptz)
"""
OIDS = """
select 'ballyhoo.command_in'::regtype::oid, 'ballyhoo.event_in'::regtype::oid, 'ballyhoo.due_in'::regtype::oid
"""


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


def parameters(oids: Oids, commands: Sequence[Command], clock: datetime | None) -> list[bytes | None]:
    """The parameters of APPEND, in binary, for a group of commands; ``clock`` is a test's present moment or None."""
    events: list[bytes] = []
    due: list[bytes] = []
    for number, command in enumerate(commands, 1):
        place = binary.int4(number)
        events += [row + place for _, row in command.events]
        due += [row + place for row in command.due]
    commands_oid, events_oid, due_oid = oids
    return [
        binary.array(commands_oid, [command.row for command in commands]),
        binary.array(events_oid, events),
        binary.array(due_oid, due) if due else None,
        None if clock is None else binary.value(binary.timestamptz(clock)),
    ]


def outcomes_of(result: PGresult, commands: Sequence[Command]) -> list[Outcome]:
    """What APPEND answered to ``commands``, in binary, as an outcome for each."""
    outcomes = binary.integers(result.get_value(0, 0))
    stands = binary.integers(result.get_value(0, 1))
    base, engagement = binary.integer(result.get_value(0, 2)), binary.integer(result.get_value(0, 4))
    first = binary.moment(result.get_value(0, 3))
    found: list[Outcome] = []
    before = 0
    for place, (outcome, command) in enumerate(zip(outcomes, commands, strict=True)):
        if outcome == STORED:
            before += len(command.events)
            at = first + timedelta(microseconds=before - 1)
            found.append(Outcome(STORED, None, base + before, at, engagement))
        else:
            found.append(Outcome(outcome, stands[place] if outcome == CONFLICT else None))
    return found


def append_now(connection: Connection[Any], commands: Sequence[Command]) -> list[Outcome]:
    """Append on a synchronous connection, within its transaction where it has one. psycopg.Error."""
    row = connection.execute(OIDS).fetchone()
    assert row is not None
    result = connection.pgconn.exec_params(
        APPEND.encode(), parameters(row, commands, None), param_formats=[Format.BINARY] * 4, result_format=Format.BINARY
    )
    if result.status != ExecStatus.TUPLES_OK:
        raise error_from_result(result)
    return outcomes_of(result, commands)
