"""Two projections that write down how often each fact and each event was applied, and a log to feed them.

Exact means: everything in the log once, in the order of each stream, and nothing else.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from adapters.event_store.codec import Codec
from adapters.kafka.relay import Relay
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import Identity
from adapters.read_models.from_kafka import KafkaSource
from adapters.read_models.runner import Runner
from adapters.read_models.schemas import make_schema
from domain.catalogue import EVENTS
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.projection import EventProjection, Happened, Table

_NEW = """
with new as (
  insert into batch select f.position, f.part from {relation} f
    join spans s on s.part = f.part and f.position > s.low and f.position <= s.high
   where f.position > %(low)s and f.position <= %(high)s and %(sign)s = 1
  returning 1)
select count(*), 0 from new
"""

FACTS = replace(
    CAMPAIGN_METRICS,
    name="ledger_of_facts",
    tables=(Table("applied", "position bigint not null, part smallint not null, times int not null", ("position",)),),
    relations=(
        "create temp table spans (part smallint, low bigint, high bigint) on commit delete rows",
        "create temp table batch (position bigint, part smallint) on commit delete rows",
        "create temp table incoming (like ballyhoo.facts) on commit delete rows",
    ),
    from_log=_NEW.format(relation="ballyhoo.facts"),
    from_incoming=_NEW.format(relation="incoming"),
    before=(),
    fold={
        "applied": "insert into applied as a select position, min(part), count(*) from batch group by position"
        " on conflict (position) do update set times = a.times + excluded.times",
    },
    after=(),
    needs={},
)


class Followed(NamedTuple):
    """A stream as it was followed: its last version, and whether each came right after the one before."""

    stream: int
    version: int
    in_order: bool


def follow(row: Followed | None, happened: Happened) -> Followed:
    """One more event of the stream."""
    seen = row or Followed(happened.stream, 0, True)
    return Followed(seen.stream, happened.version, seen.in_order and happened.version == seen.version + 1)


STREAMS = EventProjection(
    name="ledger_of_streams",
    version=1,
    tables=(Table("followed", "stream int not null, version bigint not null, in_order bool not null", ("stream",)),),
    load="select stream, version, in_order from followed where stream = any(%s)",
    row=lambda columns: Followed(*columns),
    fold=follow,
    save="insert into followed"
    " select * from json_to_recordset(%s::json) r(stream int, version bigint, in_order bool)"
    " on conflict (stream) do update set version = excluded.version, in_order = excluded.in_order",
    columns=lambda row: row._asdict(),
)


class Store:
    """A database with both ledgers, whose logs grow as asked."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.connection = psycopg.connect(dsn, autocommit=True)
        if self.one("select to_regnamespace('ledger_of_facts_v1') is null"):
            self.connection.execute("select ballyhoo.make_partition(clock_timestamp())")
            self.connection.execute(
                sql.SQL("grant create on database {} to ballyhoo_engine").format(
                    sql.Identifier(self.connection.info.dbname)
                )
            )
            for projection in (FACTS, STREAMS):
                with self.connection.transaction():
                    self.connection.execute("set local role ballyhoo_engine")
                    make_schema(self.connection, projection, projection.schema)

    def close(self) -> None:
        """Hang up."""
        self.connection.close()

    def one(self, statement: str, *parameters: object) -> Any:
        """The only value of a statement."""
        found = self.connection.execute(statement.encode(), parameters).fetchone()
        assert found is not None
        return found[0]

    def append_facts(self, count: int, *, gaps: int = 0, properties: str | None = None) -> None:
        """So many facts in one commit, with ``gaps`` positions before them that stay empty, as duplicates
        leave.
        """
        with self.connection.transaction():
            self.connection.execute("select pg_advisory_xact_lock(7003)")
            self.connection.execute(
                """with head as (
                     update ballyhoo.log_heads set position = position + %(gaps)s + %(count)s
                       where log = 'engagement' returning position - %(count)s as base),
                   new as (select base + n as position, gen_random_uuid() as contact
                             from head, generate_series(1, %(count)s) n)
                   insert into ballyhoo.facts(position, recorded_at, occurred_at, contact, workspace,
                   campaign, quantity,
                       kind, type, part, voided, id, properties)
                     select position, clock_timestamp(), clock_timestamp(), contact, 1, 1, 1, 9, 0,
                         get_byte(uuid_send(contact), 15) %% 16, false, contact::text, %(properties)s
                       from new""",
                {"gaps": gaps, "count": count, "properties": properties},
            )

    def append_events(self, streams: int, *, padding: int = 0) -> None:
        """One more event for each of so many streams, in one commit; ``padding`` makes them larger."""
        with self.connection.transaction():
            self.connection.execute("select pg_advisory_xact_lock(7001)")
            self.connection.execute(
                """with head as (
                     update ballyhoo.log_heads set position = position + %(streams)s
                       where log = 'events' returning position - %(streams)s as base),
                   ids as (select n, ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id
                             from generate_series(1, %(streams)s) n),
                   raised as (
                     insert into ballyhoo.streams as s (workspace, id, kind, version)
                       select 1, id, 'campaign', 1 from ids
                       on conflict (workspace, id) do update set version = s.version + 1
                       returning stream, id, version)
                   insert into ballyhoo.events(position, recorded_at, occurred_at, event_id, workspace,
                   stream, version,
                       part, topic, actor, correlation, state)
                     select base + n, clock_timestamp(), clock_timestamp(), gen_random_uuid(), 1, stream,
                     version,
                         get_byte(uuid_send(id), 15) %% 16, 'campaign.paused', 'somebody', 'request-' || base,
                         convert_to('{"by":"' || repeat('x', %(padding)s) || '"}', 'UTF8')
                       from head, ids join raised using (id)""",
                {"streams": streams, "padding": padding},
            )

    def begin_at_the_beginning(self, log: str, identity: Identity) -> None:
        """Let the ledger of a log be read from offset 0 of this topic."""
        statement = "update {}.checkpoints set kafka_offset = 0, cluster_id = %s, topic_id = %s"
        schema = STREAMS.schema if log == "events" else FACTS.schema
        self.connection.execute(sql.SQL(statement).format(sql.Identifier(schema)), identity)

    def caught_up(self) -> bool:
        """Whether both ledgers have come to the heads of their logs, in every partition."""
        return bool(
            self.one(
                """select bool_and(high = position) from ballyhoo.log_heads h join (
                     select log, min(high) as high from (
                       select log, high from ledger_of_facts_v1.checkpoints
                       union all select log, high from ledger_of_streams_v1.checkpoints) c
                     group by log) c using (log)"""
            )
        )

    def exact(self) -> bool:
        """Whether the ledgers hold what the logs hold, once and in order."""
        facts = self.one(
            """select count(*) filter (where f.position is null or a.position is null or a.times <> 1
                                        or a.part <> f.part)
                 from ballyhoo.facts f full join ledger_of_facts_v1.applied a using (position)"""
        )
        streams = self.one(
            """select count(*) filter (where s.version is distinct from f.version or not f.in_order)
                 from ballyhoo.streams s full join ledger_of_streams_v1.followed f using (stream)"""
        )
        return bool(facts == 0 and streams == 0)


def detected(projector: Runner) -> dict[str, int]:
    """What the sources of a projector say they have detected, summed."""
    found: Counter[str] = Counter()
    for work in projector.status()["projections"].values():
        found.update(work["detections"])
    return dict(found)


@contextmanager
def relaying(store: Store, settings: KafkaSettings, **options: Any) -> Iterator[Relay]:
    """A relay in a thread."""
    relay = Relay(store.dsn, settings, **options)
    with _running(relay.run):
        yield relay


@contextmanager
def projecting(
    store: Store, settings: KafkaSettings | None, projections: Sequence[Any] = (FACTS, STREAMS)
) -> Iterator[Runner]:
    """A projector in a thread; without settings it reads the store."""
    source = (lambda: KafkaSource(settings, Codec(EVENTS))) if settings is not None else None
    runner = Runner(store.dsn, projections=projections, source=source)
    with _running(runner.run):
        yield runner


@contextmanager
def _running(run: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def until(reached: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Wait for something to become true; fails where it does not in time."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not reached within {seconds:.0f} s"
        time.sleep(0.02)
