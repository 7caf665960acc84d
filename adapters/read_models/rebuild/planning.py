"""The shadow schema of a rebuild and its units: made, or found again as a killed one left it."""

from __future__ import annotations

import inspect
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection, sql

import domain
import projections
from adapters.event_store import codec
from adapters.read_models import schemas
from adapters.read_models.rebuild import units, unpacking
from adapters.read_models.rebuild.catching_up import head, highs
from adapters.read_models.rebuild.places import Place, drop, search
from adapters.read_models.rebuild.swapping import in_force, keep_parked_apart
from adapters.read_models.rebuild.units import Run, Unit
from projections.projection import EventProjection, FactProjection, Projection

RANGE = 250_000
"""Positions that one unit sums."""
PARTS_AT_ONCE = 2_500_000
"""About so many facts are grouped by contact in one unit; the log is scanned once for each."""
EVENTS_AT_ONCE = 25_000

_FAR = 10
"""Live tables that lag by more than a tenth of the log are not waited for."""

_STANDING = "select run, fingerprint, high, epoch, planned from {}.rebuild_run"
_EPOCH = "select epoch from ballyhoo.epochs order by began_at desc limit 1"
_PARTS = "select value::int from ballyhoo.settings where name = 'partitions'"
_FILLED = "update {}.checkpoints set high = %s, epoch = %s"
# Streams in their order, cut where about so many events have come together.
_STREAMS = """
select min(stream), max(stream), sum(version)::bigint
  from (select stream, version, (sum(version) over (order by stream) - version)::bigint / %s as cut
          from ballyhoo.streams) s
 group by cut order by cut
"""


def found_or_begun(connection: Connection[Any], place: Place) -> tuple[Run, bool]:
    """The run that stands in the shadow schema, if it fills the same tables in the same way under the same epoch, else
    a new one; and whether it was found."""
    fingerprint = fingerprint_of(place)
    epoch = _one(connection, _EPOCH)
    if schemas.exists(connection, place.shadow):
        run = _standing(connection, place)
        if run is not None and (run.fingerprint, run.epoch) == (fingerprint, epoch):
            return run, True
    return _begun(connection, place, fingerprint, epoch), False


def plan(connection: Connection[Any], place: Place, run: Run) -> None:
    """Cut the work into units, unless that was done."""
    if run.planned:
        return
    search(connection, place.shadow)
    if isinstance(place.projection, EventProjection):
        cut = connection.execute(_STREAMS, (EVENTS_AT_ONCE,)).fetchall()
        found = [Unit(0, "streams", int(weight), low, high) for low, high, weight in cut]
        found += _indexes(place.projection, run, 1)
    else:
        found = unpacking.units_of(connection) + _of_facts(place, run, _one(connection, _PARTS))
    units.plan(connection, run, found)


def filled(connection: Connection[Any], place: Place, run: Run) -> None:
    """Say that the tables hold everything up to the run's position. Told again after a restart it changes nothing that
    has been folded since."""
    statement = _FILLED + " where high < %s"
    connection.execute(statement.format(place.shadow).encode(), (run.high, run.epoch, run.high))


def fingerprint_of(place: Place) -> str:
    """What a rebuild depends on besides the log: the tables, the statements, and all code that decodes and folds."""
    projection = place.projection
    said = projection if isinstance(projection, FactProjection) else projection.tables
    return sha256(f"{said!r}\0{place.rule}\0{_sources()}".encode()).hexdigest()


@cache
def _sources() -> str:
    found = sha256(inspect.getsource(codec).encode())
    for package in (domain, projections):
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()


def _of_facts(place: Place, run: Run, partitions: int) -> list[Unit]:
    projection = place.projection
    assert isinstance(projection, FactProjection)
    whole = projection.whole
    found = [Unit(0, "before", 1)]
    found += [
        Unit(1, "range", min(RANGE, run.high - low), low, min(low + RANGE, run.high))
        for low in range(0, run.high, RANGE)
    ]
    sets = min(max(run.high // PARTS_AT_ONCE, 4), partitions)
    found += [
        Unit(2, "parts", 2 * run.high // sets, parts=tuple(range(first, partitions, sets))) for first in range(sets)
    ]
    found += [Unit(3, "after", run.high // 10, number=number) for number in range(len(whole.after))]
    return found + _indexes(projection, run, 4)


def _indexes(projection: Projection, run: Run, phase: int) -> list[Unit]:
    return [Unit(phase, "index", run.high // 10, number=number) for number in range(len(projection.tables))]


def _begun(connection: Connection[Any], place: Place, fingerprint: str, epoch: UUID) -> Run:
    log = place.projection.log
    with connection.transaction():
        drop(connection, place.shadow)
        schemas.make_schema(connection, place.projection, place.shadow, place.rule, keys=False)
        keep_parked_apart(connection, place.shadow)
        run = Run(uuid4(), fingerprint, _up_to(connection, place, head(connection, log)), epoch, planned=False)
        search(connection, place.shadow)
        if isinstance(place.projection, FactProjection):
            unpacking.make(connection)
            unpacking.insist_on_whole_log(connection, place)  # again, now that nothing can be dropped any more
            for name, columns in place.projection.whole.relations.items():
                # Logged: a crash of the server must not empty what a unit's row calls done.
                connection.execute(sql.SQL("create table {} ({})").format(sql.Identifier(name), sql.SQL(columns)))
        units.begin(connection, run)
    return run


def _up_to(connection: Connection[Any], place: Place, last: int) -> int:
    """Where to fill to: where the live tables are, so that both can be compared there; the head where they lag far."""
    if not in_force(connection, place):
        return last
    lowest = min(highs(connection, place.live, place.projection.log).values())
    return lowest if last - lowest <= max(last // _FAR, 1000) else last


def _standing(connection: Connection[Any], place: Place) -> Run | None:
    there = connection.execute("select to_regclass(%s)", (f"{place.shadow}.rebuild_run",)).fetchone()
    if there is None or there[0] is None:
        return None
    found = connection.execute(_STANDING.format(place.shadow).encode()).fetchone()
    return None if found is None else Run(*found)


def _one(connection: Connection[Any], statement: str) -> Any:
    found = connection.execute(statement.encode()).fetchone()
    assert found is not None
    return found[0]
