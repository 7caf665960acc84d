"""Rebuilds against the least that anybody could do: for facts, two hand-written GROUP BYs into the same indexed tables
(the quarters of an hour and the contacts; the rebuild makes all nine); for events, reading the same rows through a
binary cursor and doing nothing with them.

    python -m tests.bench.bench_rebuild

``BENCH_FACTS`` and ``BENCH_EVENTS`` (1,000,000 each) give the sizes, with commas between several: the goals are those
at 1000000 and 10000000. Each with one and with two workers. Every rebuild equals the tables before by checksum, and
the tables made by hand row by row.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import Connection, sql

from adapters.read_models.rebuild.places import Place, live
from adapters.read_models.rebuild.rebuild import Outcome, Rebuild
from adapters.read_models.rebuild.workers import connection_of_rebuild
from adapters.read_models.schemas import definition, ensure_schemas
from projections.campaign_list import CAMPAIGN_LIST
from projections.campaign_metrics import CAMPAIGN_METRICS
from tests.bench import filled_log
from tests.bench.filled_events import fill_events
from tests.bench.harness import Result, Sample, database, durability, interleaved

FACTS = [int(size) for size in os.environ.get("BENCH_FACTS", "1000000").split(",")]
EVENTS = [int(size) for size in os.environ.get("BENCH_EVENTS", "1000000").split(",")]
WORKERS = (1, 2)
CAMPAIGNS = 200
CONTACTS = 50_000

_CELLS = """
insert into cells (campaign, bucket, labels, kind, type, n, amount)
select campaign, date_bin('15 minutes', occurred_at, '2000-01-01Z'), labels, kind, type, sum(quantity),
    coalesce(sum(amount), 0)
  from ballyhoo.facts group by 1, 2, 3, 4, 5
"""
_CONTACTS = """
insert into contacts (campaign, contact, delivery, impression, open, click, conversion, reached, opened, clicked,
    converted, sent)
select campaign, contact, min(occurred_at) filter (where kind = 3), min(occurred_at) filter (where kind = 7),
    min(occurred_at) filter (where kind = 8), min(occurred_at) filter (where kind = 9),
    min(occurred_at) filter (where kind = 10), array_agg(distinct labels) filter (where kind in (3, 7)),
    array_agg(distinct labels) filter (where kind = 8), array_agg(distinct labels) filter (where kind = 9),
    array_agg(distinct labels) filter (where kind = 10), min(occurred_at) filter (where kind = 2)
  from ballyhoo.facts where contact is not null group by 1, 2
"""
_SAME = """
select (select (count(*), bit_xor(hash_record_extended(t.*, 0))) from {0}.{2} t)
     = (select (count(*), bit_xor(hash_record_extended(t.*, 0))) from {1}.{2} t)
"""
_READ = "select position, recorded_at, workspace, stream, version, topic, state from ballyhoo.events order by position"


def results() -> Iterator[Result]:
    """A row for each size and number of workers."""
    for size in FACTS:
        with database() as url:
            print(durability(url), flush=True)
            filled_log.prepare(url, CAMPAIGNS)
            at = datetime(2026, 11, 20, tzinfo=UTC)
            filled_log.append(url, size, at, campaigns=CAMPAIGNS, contacts=CONTACTS, days=30)
            _settle(url, "facts")
            _first(url)
            for workers in WORKERS:
                yield _facts(url, size, workers)
    for size in EVENTS:
        with database() as url:
            with psycopg.connect(url, autocommit=True) as connection:
                ensure_schemas(connection)
            fill_events(url, size)
            _settle(url, "events")
            _first(url)
            for workers in WORKERS:
                yield _events(url, size, workers)


def _facts(url: str, size: int, workers: int) -> Result:
    exact: list[bool] = []

    def rebuilt() -> Sample:
        outcome = _rebuild(url, live(CAMPAIGN_METRICS), workers)
        exact.append(_as_before(outcome))
        return Sample(size / outcome.seconds)

    def by_hand() -> Sample:
        with connection_of_rebuild(url) as connection:
            schema = f"by_hand_{uuid4().hex[:8]}"
            _tables(connection, schema)
            began = time.perf_counter()
            connection.execute(_CELLS.encode())
            connection.execute(_CONTACTS.encode())
            took = time.perf_counter() - began
            for table in ("cells", "contacts"):
                same = connection.execute(_SAME.format(schema, CAMPAIGN_METRICS.schema, table).encode()).fetchone()
                exact.append(same == (True,))
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
        return Sample(size / took)

    samples, others = interleaved(rebuilt, by_hand)
    return Result(
        f"rebuild, {size:,} facts, {workers} workers", "two GROUP BYs by hand", samples, others, "facts/s",
        str(all(exact)), 0.3, 0.6,
    )  # fmt: skip


def _events(url: str, size: int, workers: int) -> Result:
    exact: list[bool] = []
    read = 0

    def rebuilt() -> Sample:
        outcome = _rebuild(url, live(CAMPAIGN_LIST), workers)
        exact.append(_as_before(outcome))
        return Sample(size / outcome.seconds)

    def cursor() -> Sample:
        nonlocal read
        with connection_of_rebuild(url) as connection, connection.transaction():
            began = time.perf_counter()
            with connection.cursor(name="bare", binary=True) as rows:
                rows.itersize = 5000
                rows.execute(_READ)
                read = sum(1 for _ in rows)
            return Sample(read / (time.perf_counter() - began))

    samples, others = interleaved(rebuilt, cursor)
    with psycopg.connect(url) as connection:
        row = connection.execute("select sum(version) from campaign_list_v1.campaigns").fetchone()
    return Result(
        f"rebuild, {size:,} events, {workers} workers", "a bare binary cursor", samples, others, "events/s",
        f"{row is not None and row[0] == read and all(exact)}", 0.22, 0.6,
    )  # fmt: skip


def _first(url: str) -> None:
    """The tables that later rebuilds are compared with."""
    for projection in (CAMPAIGN_LIST, CAMPAIGN_METRICS):
        _rebuild(url, live(projection), 1)


def _rebuild(url: str, place: Place, workers: int) -> Outcome:
    return Rebuild(url, place, workers=workers).run()


def _as_before(outcome: Outcome) -> bool:
    return outcome.compared is not None and outcome.compared.live == outcome.compared.rebuilt


def _tables(connection: Connection[Any], schema: str) -> None:
    connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    for table in CAMPAIGN_METRICS.tables:
        for statement in definition(table, sql.Identifier(schema)):
            connection.execute(statement)
    connection.execute(sql.SQL("set search_path to {}, ballyhoo").format(sql.Identifier(schema)))


def _settle(url: str, table: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"vacuum analyze ballyhoo.{table}".encode())
        connection.execute("analyze ballyhoo.streams")
        connection.execute("checkpoint")


if __name__ == "__main__":
    for result in results():
        print(result, flush=True)
