"""Now and then a sample of live rows is made anew from the log, in one snapshot with them, and has to be the same.

Of facts a campaign at a time, with every row that the tables hold of it; of events some streams. What was found wrong
is looked at again until it is right, or until a rebuild has put other tables in its place.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from typing import Any

import psycopg
import structlog
from psycopg import Connection, sql

from adapters.archive.catalogue import Wanted
from adapters.archive.file import Damaged
from adapters.archive.overlay import filling, lay, look, making, over, readying
from adapters.event_store.codec import Codec
from adapters.read_models.leases import Leases, connect
from adapters.read_models.parking import parked_streams
from adapters.read_models.rebuild.places import search
from adapters.read_models.schemas import CHECKPOINTS, TEMPORARY, definition
from adapters.read_models.source import StoreSource
from domain.catalogue import EVENTS
from projections.projection import EventProjection, FactProjection, Projection, Table

EVERY = 30.0
MOST_FACTS = 100_000
"""A campaign with more facts, those that have to be unpacked for it included, is not made anew beside other work."""
STREAMS = 50

log = structlog.get_logger("projector")

_CAMPAIGNS = "select stream from ballyhoo.streams where kind = 'campaign' and stream >= %s order by stream limit 20"
_LAST_STREAM = "select coalesce(max(stream), 0) from ballyhoo.streams"
_SIZE = """
select (select count(*) from (select from ballyhoo.facts where campaign = %(campaign)s limit %(most)s) f)
    + (select coalesce(sum(facts), 0) from ballyhoo.archived_blocks where campaigns @> array[%(campaign)s::int])::bigint
"""
_CHECKPOINTS = "insert into pg_temp.checkpoints select * from {}.checkpoints"
_RULE = "insert into pg_temp.rule select * from {}.rule"
_TAKEN_BACK = """
insert into pg_temp.taken_back select * from {}.taken_back where campaign = %s
"""
_DIFFERING = """
select count(*) from (
  (select * from {live}.{table} where campaign = %(campaign)s except select * from pg_temp.{table})
  union all (select * from pg_temp.{table} except select * from {live}.{table} where campaign = %(campaign)s)
) d
"""
_SCHEMA = "select to_regnamespace(%s)::oid::bigint"
_STREAMS = "select stream from ballyhoo.streams where stream >= %s order by stream limit %s"
_REACHED = """
select c.high from ballyhoo.events e join {}.checkpoints c on c.log = 'events' and c.part = e.part
 where e.stream = %s and e.version = 1
"""
_OF_STREAM = """
select position from ballyhoo.events where stream = %s and position <= %s order by version
"""


class SelfCheck:
    """Checks the ``projections``; only the process that owns the first partition does."""

    def __init__(self, dsn: str, leases: Leases, projections: Sequence[Projection], every: float = EVERY) -> None:
        self._dsn = dsn
        self._leases = leases
        self._projections = list(projections)
        self._every = every
        self._random = random.Random()
        self._wrong: dict[str, dict[int, int]] = {projection.name: {} for projection in projections}
        self._schemas: dict[str, int | None] = {}
        self._connection: Connection[Any] | None = None

    def differences(self, name: str) -> int:
        """How many rows of a projection are known to be wrong."""
        return sum(self._wrong.get(name, {}).values())

    def run(self, stop: threading.Event) -> None:
        """Check until ``stop``; a database that is away is waited for."""
        while not stop.wait(self._every):
            if 0 not in self._leases.held:
                continue
            try:
                with connect(self._dsn, "self-check", statement_timeout_ms=60_000) as connection:
                    self._connection = connection
                    for projection in self._projections:
                        if not stop.is_set():
                            self.check(connection, projection)
            except (psycopg.Error, Damaged) as error:
                if not stop.is_set():
                    log.warning("self_check_waits", reason=str(error).strip())
            finally:
                self._connection = None

    def cancel(self) -> None:
        """End the statement that runs, where one does: nobody who stops waits for a long one."""
        connection = self._connection
        if connection is not None:
            try:
                connection.cancel_safe(timeout=2.0)
            except psycopg.Error as error:
                log.warning("self_check_goes_on", reason=str(error).strip())

    def check(self, connection: Connection[Any], projection: Projection) -> int:
        """Check one sample, and what was wrong before; gives how many rows are wrong."""
        schema = connection.execute(_SCHEMA, (projection.schema,)).fetchone()
        if schema is None or schema[0] != self._schemas.get(projection.name):
            self._schemas[projection.name] = None if schema is None else schema[0]
            self._wrong[projection.name] = {}
        for stream in {*self._sample(connection, projection), *self._wrong[projection.name]}:
            with connection.transaction():
                connection.execute("set transaction isolation level repeatable read")
                if isinstance(projection, FactProjection):
                    found = campaign_differences(connection, projection, stream)
                else:
                    assert isinstance(projection, EventProjection)
                    found = stream_differences(connection, projection, stream)
            if found and stream not in self._wrong[projection.name]:
                log.error("rows_differ_from_the_log", projection=projection.name, stream=stream, rows=found)
            if found:
                self._wrong[projection.name][stream] = found
            else:
                self._wrong[projection.name].pop(stream, None)
        return self.differences(projection.name)

    def _sample(self, connection: Connection[Any], projection: Projection) -> list[int]:
        last = connection.execute(_LAST_STREAM).fetchone()
        first = self._random.randint(0, last[0] if last else 0)
        if isinstance(projection, EventProjection):
            return [stream for (stream,) in connection.execute(_STREAMS, (first, STREAMS)).fetchall()]
        for (campaign,) in connection.execute(_CAMPAIGNS, (first,)).fetchall():
            size = connection.execute(_SIZE, {"campaign": campaign, "most": MOST_FACTS + 1}).fetchone()
            if size is not None and 0 < size[0] <= MOST_FACTS:
                return [campaign]
        return []


def campaign_differences(connection: Connection[Any], projection: FactProjection, campaign: int) -> int:
    """How many rows of a campaign are not what the log says, in the caller's transaction: one snapshot.

    Of a campaign whose facts were dropped nothing can be said: 0. Damaged."""
    connection.execute("lock table ballyhoo.facts in access share mode")  # before the snapshot: nothing is archived now
    wanted = Wanted(campaigns=(campaign,))
    archived = look(connection, wanted)
    if archived.horizon is not None:
        return 0
    from_campaign = projection.from_campaign
    if archived.blocks:
        for steps in (making(), filling(archived.blocks, wanted), readying()):
            lay(connection, steps)
        from_campaign = over(from_campaign)
    live, temporary = sql.Identifier(projection.schema), sql.Identifier(TEMPORARY)
    tables = [table for table in projection.tables if table.name in projection.fold]
    kept = [table for table in projection.tables if table.name in ("rule", "taken_back")]
    for table in (*tables, *kept, CHECKPOINTS):
        for statement in definition(table, temporary):
            connection.execute(statement)
    for relation in projection.relations:
        connection.execute(relation.replace("on commit delete rows", "on commit drop").encode())
    connection.execute("set local search_path to pg_temp, ballyhoo")
    connection.execute(sql.SQL(_CHECKPOINTS).format(live))
    connection.execute(sql.SQL(_RULE).format(live))
    connection.execute(sql.SQL(_TAKEN_BACK).format(live), (campaign,))
    whole = {"campaign": campaign, "starts": ["-infinity"], "ends": ["infinity"], "sign": 1}
    connection.execute(from_campaign.encode(), whole)
    for statement_of in projection.fold.values():
        connection.execute(statement_of.encode())
    return sum(_differing(connection, live, table, campaign) for table in tables)


def stream_differences(connection: Connection[Any], projection: EventProjection, stream: int) -> int:
    """1 where the row of a stream is not what its events say, in the caller's transaction."""
    search(connection, projection.schema)
    if parked_streams(connection, projection.name, [stream]):
        return 0
    reached = connection.execute(_REACHED.format(projection.schema).encode(), (stream,)).fetchone()
    if reached is None:
        return 0
    positions = [p for (p,) in connection.execute(_OF_STREAM, (stream, *reached)).fetchall()]
    row = None
    for event in StoreSource(Codec(EVENTS)).events_at(connection, positions):
        row = projection.fold(row, event)
    columns = connection.execute(projection.load.encode(), ([stream],)).fetchone()
    live = None if columns is None else projection.row(columns)
    return int(live != row)


def _differing(connection: Connection[Any], live: sql.Identifier, table: Table, campaign: int) -> int:
    statement = sql.SQL(_DIFFERING).format(live=live, table=sql.Identifier(table.name))
    found = connection.execute(statement, {"campaign": campaign}).fetchone()
    return 0 if found is None else int(found[0])
