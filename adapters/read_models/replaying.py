"""Takes in what was parked, after a mend: an aggregate's events in their order, a fact alone.

No batch is open meanwhile, so what is new of the same aggregate comes after it, or is parked behind it and comes too.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from adapters.archive.batches import over_archive
from adapters.event_store.codec import Codec
from adapters.read_models import folds
from adapters.read_models.checkpoints import Span
from adapters.read_models.rebuild.gate import shut
from adapters.read_models.rebuild.places import live, search
from adapters.read_models.source import StoreSource
from domain.catalogue import EVENTS
from projections.catalogue import CATALOGUE
from projections.projection import EventProjection, FactProjection

_FIND = "select projection, position, stream from ballyhoo.parked where workspace = %s and id = %s"
_TAKE_EVENTS = """
delete from ballyhoo.parked where projection = %s and log = 'events' and stream = %s returning position
"""
_TAKE_FACT = "delete from ballyhoo.parked where projection = %s and log = 'engagement' and position = %s"
_PART = "select part from ballyhoo.events where position = %s"
_WHY = "update ballyhoo.parked set reason = %s where workspace = %s and id = %s"
_INCOMING = "insert into incoming select * from ballyhoo.facts where position = %s"
# The void that took no effect because its target was not there.
_VOID = """
select v.position from ballyhoo.facts v join checkpoints c on c.log = 'engagement' and c.part = v.part
 where v.voids_position = %s and v.kind = 13 and v.position <= c.high
   and not exists (select from parked x where x.projection = %s and x.log = 'engagement' and x.position = v.position)
"""
_SPANS = "insert into spans select f.part, f.position - 1, c.high from incoming f join checkpoints c on c.part = f.part"
_BOUNDS = "select low, high from spans"


class Unfoldable(Exception):
    """A record still can't be folded; the message is why."""


def replay(connection: Connection[Any], workspace: int, id: int) -> int | None:
    """Take in the record with this id, and those of its aggregate; how many that were, None where there is none.

    Unfoldable: nothing was taken in, and the reason stands anew in its row.
    """
    found = connection.execute(_FIND, (workspace, id)).fetchone()
    if found is None:
        return None
    name, position, stream = found
    projection = next(one for one in CATALOGUE if one.name == name)
    search(connection, projection.schema)
    folds.prepare(connection, projection)
    try:
        with shut(connection, live(projection), lambda: None), connection.transaction():
            if isinstance(projection, EventProjection):
                return _events(connection, projection, stream)
            assert isinstance(projection, FactProjection)
            return _fact(connection, projection, position)
    except Exception as error:
        if connection.broken:
            raise
        reason = f"{type(error).__name__}: {error}".strip()
        connection.execute(_WHY, (reason[:2000], workspace, id))
        raise Unfoldable(reason) from error


def _events(connection: Connection[Any], projection: EventProjection, stream: int) -> int:
    positions = sorted(p for (p,) in connection.execute(_TAKE_EVENTS, (projection.name, stream)).fetchall())
    if not positions:
        return 0
    found = connection.execute(_PART, (positions[0],)).fetchone()
    assert found is not None
    source = _Only(positions)
    return folds.apply(connection, projection, source, [Span(found[0], positions[0] - 1, positions[-1])])


def _fact(connection: Connection[Any], projection: FactProjection, position: int) -> int:
    taken = connection.execute(_TAKE_FACT, (projection.name, position)).rowcount
    if taken:
        _fold_alone(connection, projection, position)
        for (void,) in connection.execute(_VOID, (position, projection.name)).fetchall():
            _fold_alone(connection, projection, void)
    return taken


def _fold_alone(connection: Connection[Any], projection: FactProjection, position: int) -> None:
    for relation in projection.relations:
        connection.execute(f"truncate {relation.split()[3]}".encode())
    connection.execute(_INCOMING, (position,))
    connection.execute(_SPANS)
    low, high = connection.execute(_BOUNDS).fetchone() or (0, 0)
    projection = over_archive(connection, projection, [Span(0, position - 1, position)])
    counted = connection.execute(projection.from_incoming.encode(), {"low": low, "high": high, "sign": 1}).fetchone()
    assert counted is not None
    folds.fold_batch(connection, projection, taken_back=counted[1] > 0)


class _Only(StoreSource):
    """The store, of which only some positions are read."""

    def __init__(self, positions: list[int]) -> None:
        super().__init__(Codec(EVENTS))
        self._positions = positions

    def events(self, connection: Connection[Any], spans: Any) -> list[Any]:
        """Those that are wanted."""
        return self.events_at(connection, self._positions)
