"""The work of a rebuild in units, each done in one transaction with the row that says so.

The rows stand in the shadow schema, so that what was done and what is known to be done go together. A unit is claimed
by its row's lock: the lock of a worker that was killed is gone with it, and its unit is free again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

TABLES = ("rebuild_run", "rebuild_units")
"""What a rebuild keeps of its progress."""

_MAKE = """
create table rebuild_run (
  run uuid primary key, fingerprint text not null, high bigint not null, epoch uuid not null,
  planned boolean not null default false, started_at timestamptz not null default clock_timestamp()
);
create table rebuild_units (
  id int generated always as identity primary key,
  phase int not null, kind text not null, low bigint not null, high bigint not null, parts smallint[] not null,
  number int not null, weight bigint not null, records bigint, done_at timestamptz
) with (fillfactor = 50);
"""
_ADD = """
insert into rebuild_units (phase, kind, low, high, parts, number, weight) values (%s, %s, %s, %s, %s, %s, %s)
"""
# Only units of the first phase that is not done yet.
_CLAIM = """
select id, kind, low, high, parts, number, weight from rebuild_units u
 where done_at is null and phase = (select min(phase) from rebuild_units where done_at is null)
   and exists (select from rebuild_run where run = %s)
 order by id limit 1 for update of u skip locked
"""
_DONE = "update rebuild_units set done_at = clock_timestamp(), records = %s where id = %s"
_LEFT = "select count(*) from rebuild_units where done_at is null and exists (select from rebuild_run where run = %s)"
_PROGRESS = "select coalesce(sum(weight) filter (where done_at is not null), 0)::bigint, sum(weight)::bigint from {}"


@dataclass(frozen=True)
class Unit:
    """Positions (low, high] or streams from low to high, or the records of ``parts``, or the ``number``-th of the
    statements or tables: what it means is its kind's business. ``weight`` is about how many records it costs."""

    phase: int
    kind: str
    weight: int
    low: int = 0
    high: int = 0
    parts: tuple[int, ...] = ()
    number: int = 0
    id: int = 0


@dataclass(frozen=True)
class Run:
    """A rebuild that was begun: it fills up to position ``high`` under ``epoch``. ``planned`` once its units stand."""

    run: UUID
    fingerprint: str
    high: int
    epoch: UUID
    planned: bool


def begin(connection: Connection[Any], run: Run) -> None:
    """Make the tables of the progress; the search path leads to the shadow schema."""
    connection.execute(_MAKE)
    connection.execute(
        "insert into rebuild_run (run, fingerprint, high, epoch) values (%s, %s, %s, %s)",
        (run.run, run.fingerprint, run.high, run.epoch),
    )


def plan(connection: Connection[Any], run: Run, units: Sequence[Unit]) -> None:
    """Put the units down; those that stand already came from a start that was killed right after."""
    with connection.transaction():
        found = connection.execute("select planned from rebuild_run where run = %s for update", (run.run,)).fetchone()
        if found is None or found[0]:
            return
        with connection.cursor() as cursor:
            cursor.executemany(
                _ADD,
                [(one.phase, one.kind, one.low, one.high, list(one.parts), one.number, one.weight) for one in units],
            )
        connection.execute("update rebuild_run set planned = true where run = %s", (run.run,))


def claim(connection: Connection[Any], run: UUID) -> Unit | None:
    """A unit that is ours until the transaction ends; None where there is none just now."""
    found = connection.execute(_CLAIM, (run,)).fetchone()
    if found is None:
        return None
    id, kind, low, high, parts, number, weight = found
    return Unit(0, kind, weight, low, high, tuple(parts), number, id)


def done(connection: Connection[Any], unit: Unit, records: int) -> None:
    """Say, in the transaction of the work, that it is done."""
    connection.execute(_DONE, (records, unit.id))


def left(connection: Connection[Any], run: UUID) -> int:
    """How many units are not done yet."""
    found = connection.execute(_LEFT, (run,)).fetchone()
    return 0 if found is None else int(found[0])


def progress(connection: Connection[Any], schema: str) -> tuple[int, int]:
    """The weight that is done, and all of it."""
    found = connection.execute(_PROGRESS.format(f"{schema}.rebuild_units").encode()).fetchone()
    assert found is not None
    return int(found[0]), int(found[1] or 0)
