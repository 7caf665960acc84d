"""What is archived, for a rebuild: unpacked block by block, as units, into a table of the shadow schema that goes with
it. Nothing is archived or dropped while a rebuild stands that has not read it."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from adapters.archive.catalogue import Wanted
from adapters.archive.file import Damaged, rows_of
from adapters.archive.overlay import COPY, look
from adapters.event_store.outbox import COPY_HEADER, COPY_TRAILER
from adapters.read_models.rebuild.places import Place
from adapters.read_models.rebuild.stopping import RebuildStopped
from adapters.read_models.rebuild.units import Unit
from domain.shared.times import written
from projections.projection import FactProjection

TABLE = "unpacked_facts"
LOG = "(select * from ballyhoo.facts union all select * from unpacked_facts)"
"""The facts, whatever has been archived of them included; the search path leads to the shadow schema."""

_HOLD = "lock table ballyhoo.facts in access share mode"
_MAKE = (
    f"create table {TABLE} (like ballyhoo.facts)",
    f"create index on {TABLE} (position)",
    f"create index on {TABLE} (voids_position) where voids_position is not null",
)
_HORIZON = "select recorded_before, position, facts from ballyhoo.horizons order by position desc limit 1"


def insist_on_whole_log(connection: Connection[Any], place: Place, since: int = 0) -> None:
    """RebuildStopped where facts above position ``since`` were dropped: the tables would lose them."""
    if not isinstance(place.projection, FactProjection):
        return
    found = connection.execute(_HORIZON).fetchone()
    if found is not None and since < found[1]:
        raise RebuildStopped(
            f"Facts recorded before {written(found[0])} were dropped: {place.name} can't be made without them, and was"
            " left as it is."
        )


def make(connection: Connection[Any]) -> None:
    """Make the table for what is archived, in the transaction that makes the shadow schema: from its commit on the
    archive waits for this rebuild."""
    connection.execute(_HOLD)
    if look(connection, Wanted()).blocks:
        for statement in _MAKE:
            connection.execute(statement)


def units_of(connection: Connection[Any]) -> list[Unit]:
    """A unit for each block, and one that ends them."""
    blocks = look(connection, Wanted()).blocks
    found = [Unit(-2, "archive", block.facts, block.first_position - 1, block.last_position) for block in blocks]
    return [*found, Unit(-1, "analyze", 1)] if found else []


def unpack(connection: Connection[Any], unit: Unit) -> int:
    """Do one of them; gives how many facts it took. RebuildStopped names the file and the block that is damaged."""
    if unit.kind == "analyze":
        connection.execute(f"analyze {TABLE}")
        return 0
    block = look(connection, Wanted(low=unit.low, high=unit.high)).blocks[0]
    try:
        rows = rows_of(block)
    except Damaged as error:
        raise RebuildStopped(f"The rebuild can't go on: {error}. Nothing was left out, nothing was swapped.") from error
    with connection.cursor().copy(f"copy {TABLE} {COPY}".encode()) as copy:
        for piece in (COPY_HEADER, rows, COPY_TRAILER):
            copy.write(piece)
    return block.facts


def log_of(connection: Connection[Any], place: Place, log: str) -> str:
    """Where a rebuild's facts are: ``log``, or that and what it unpacked."""
    found = connection.execute("select to_regclass(%s) is not null", (f"{place.shadow}.{TABLE}",)).fetchone()
    return LOG if found == (True,) else log
