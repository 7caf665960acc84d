"""Does one unit of a rebuild: a statement over the log, a range of streams, an index."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from adapters.read_models import schemas
from adapters.read_models.rebuild import events
from adapters.read_models.rebuild.places import Place
from adapters.read_models.rebuild.units import Run, Unit
from projections.projection import EventProjection, FactProjection

LOG = "ballyhoo.facts"
"""Where the facts are; with archives, the rebuild's own relation that holds theirs too."""


def fill(connection: Connection[Any], place: Place, run: Run, unit: Unit, log: str = LOG) -> int:
    """Do ``unit`` inside the caller's transaction; gives how many records it took. The search path leads to the
    shadow schema."""
    if unit.kind == "index":
        schemas.make_keys(connection, place.projection.tables[unit.number], place.shadow)
        return 0
    if isinstance(place.projection, EventProjection):
        return events.fold_streams(connection, place.projection, unit.low, unit.high, run.high)
    assert isinstance(place.projection, FactProjection)
    for statement in _statements(place.projection, unit):
        connection.execute(
            statement.replace("$log", log).encode(),
            {"high": run.high, "low": unit.low, "high_of": unit.high, "parts": list(unit.parts)},
        )
    return unit.high - unit.low


def _statements(projection: FactProjection, unit: Unit) -> tuple[str, ...]:
    whole = projection.whole
    return {
        "before": whole.before,
        "range": whole.of_range,
        "parts": whole.of_parts,
        "after": whole.after[unit.number] if unit.kind == "after" else (),
    }[unit.kind]
