"""Does one unit of a rebuild: a statement over the log, a range of streams, an index."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
from psycopg import Connection

from adapters.read_models import schemas
from adapters.read_models.rebuild import events, unpacking
from adapters.read_models.rebuild.places import Place
from adapters.read_models.rebuild.stopping import Poison
from adapters.read_models.rebuild.units import Run, Unit
from projections.projection import EventProjection, FactProjection

LOG = "ballyhoo.facts"
"""Where the facts are; with archives it is ``unpacking.LOG``."""


def fill(
    connection: Connection[Any], reading: Connection[Any], place: Place, run: Run, unit: Unit, log: str = LOG
) -> int:
    """Do ``unit`` inside the caller's transaction; gives how many records it took. The search path leads to the
    shadow schema; ``reading`` is free for reading the log meanwhile."""
    if unit.kind == "index":
        schemas.make_keys(connection, place.projection.tables[unit.number], place.shadow)
        return 0
    if unit.kind in ("archive", "analyze"):
        return unpacking.unpack(connection, unit)
    if isinstance(place.projection, EventProjection):
        return events.fold_streams(connection, reading, place.projection, unit.low, unit.high, run.high)
    assert isinstance(place.projection, FactProjection)
    try:
        with connection.transaction():
            _run(connection, place.projection, run, unit, log)
    except psycopg.DataError as error:
        position = _first_bad(connection, place.projection, run, unit, log) if unit.kind == "range" else unit.high
        raise Poison(place.name, position, error.diag.message_primary or type(error).__name__) from error
    return unit.high - unit.low


def _run(connection: Connection[Any], projection: FactProjection, run: Run, unit: Unit, log: str) -> None:
    for statement in _statements(projection, unit):
        connection.execute(
            statement.replace("$log", log).encode(),
            {"high": run.high, "low": unit.low, "high_of": unit.high, "parts": list(unit.parts)},
        )


def _first_bad(connection: Connection[Any], projection: FactProjection, run: Run, unit: Unit, log: str) -> int:
    """The lowest position of a range that can't be folded, looked for by halves."""
    low, high = unit.low, unit.high
    while high - low > 1:
        middle = (low + high) // 2
        try:
            with connection.transaction(force_rollback=True):
                _run(connection, projection, run, replace(unit, low=low, high=middle), log)
        except psycopg.DataError:
            high = middle
        else:
            low = middle
    return high


def _statements(projection: FactProjection, unit: Unit) -> tuple[str, ...]:
    whole = projection.whole
    return {
        "before": whole.before,
        "range": whole.of_range,
        "parts": whole.of_parts,
        "after": whole.after[unit.number] if unit.kind == "after" else (),
    }[unit.kind]
