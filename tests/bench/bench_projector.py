"""The projector from the store, every table of metrics, 200 campaigns, against the library's ProjectionRunner that
counts one number.

    python -m tests.bench.bench_projector

The floor is 5 times the library. ``BENCH_FACTS`` (100,000) are folded in each round, ``BENCH_EVENTS`` (3,000) by the
library; both start behind and stop when everything is in the tables.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from adapters.read_models.runner import Runner
from projections.campaign_metrics import CAMPAIGN_METRICS
from tests.bench import filled_log
from tests.bench.harness import Result, Sample, database, durability, interleaved

FACTS = int(os.environ.get("BENCH_FACTS", "100000"))
EVENTS = int(os.environ.get("BENCH_EVENTS", "3000"))
CAMPAIGNS, CONTACTS, HOURS = 200, 50_000, 1.0


def results() -> Iterator[Result]:
    """The one row."""
    with database() as url, database() as library_url:
        print(f"{durability(url)}, facts of {HOURS:g} h, {CONTACTS:,} contacts")
        filled_log.prepare(url, CAMPAIGNS)
        library = _Library(library_url)
        samples, others = interleaved(lambda: _projected(url), library.counted)
        told = FACTS * len(samples)
        sums = _sums(url)
        exact = all(count == told for count in sums.values()) and library.total() == EVENTS * len(others)
        yield Result(
            "projector from the store", "the library's ProjectionRunner", samples, others, "records/s",
            f"{exact}, {told:,} facts in {', '.join(sums)}", 5, 15,
        )  # fmt: skip


def _projected(url: str) -> Sample:
    filled_log.append(url, FACTS, datetime.now(UTC), campaigns=CAMPAIGNS, contacts=CONTACTS, days=HOURS / 24)
    stop = threading.Event()
    runner = threading.Thread(target=Runner(url, projections=[CAMPAIGN_METRICS]).run, args=(stop,))
    with psycopg.connect(url, autocommit=True) as connection:
        begun = time.perf_counter()
        runner.start()
        while _lag(connection):
            time.sleep(0.005)
        seconds = time.perf_counter() - begun
    stop.set()
    runner.join()
    return Sample(FACTS / seconds)


_LAG = """
select (select position from ballyhoo.log_heads where log = 'engagement') - min(high)
  from campaign_metrics_v1.checkpoints
"""


def _lag(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(_LAG).fetchone()
    assert row is not None
    return int(row[0])


def _sums(url: str) -> dict[str, int]:
    """How many facts each table of sums holds."""
    with psycopg.connect(url) as connection:
        return {table: _sum(connection, table) for table in ("totals", "series", "days", "cells")}


def _sum(connection: psycopg.Connection[Any], table: str) -> int:
    statement = SQL("select sum(n) from campaign_metrics_v1.{}").format(Identifier(table))
    row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


# The library sends a save in one pipeline, and waits for ever where it holds more than the sockets do.
_AT_ONCE = 100


class _Told(Aggregate):
    """The library's own smallest aggregate."""


class _Number(PostgresTrackingRecorder):
    """One number, written with its tracking record as the library's documentation shows."""

    def __init__(self, datastore: PostgresDatastore, **options: Any) -> None:
        super().__init__(datastore, **options)
        table = "create table if not exists {}.counted (id int primary key, n bigint)"
        self.sql_create_statements.append(SQL(table).format(Identifier(datastore.schema)))

    def count(self, tracking: Tracking) -> None:
        """One more."""
        with self.datastore.get_connection() as connection, connection.transaction(), connection.cursor() as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute("insert into counted values (1, 1) on conflict (id) do update set n = counted.n + 1")


class _Counting(Projection[_Number]):
    name = "counting"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Count it, whatever it is."""
        self.view.count(tracking)


class _Library:
    """The library's application and its projection in a database of their own."""

    def __init__(self, url: str) -> None:
        server = conninfo_to_dict(url)
        self._url = url
        self._settings = {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(server["dbname"]),
            "POSTGRES_HOST": str(server["host"]),
            "POSTGRES_PORT": str(server.get("port", 5432)),
            "POSTGRES_USER": str(server.get("user", "postgres")),
            "POSTGRES_PASSWORD": str(server.get("password", "unused")),
        }
        self._told = 0

    def counted(self) -> Sample:
        """Save events, then let the projection count them."""
        application: Application[Any] = Application(self._settings)
        for start in range(0, EVENTS, _AT_ONCE):
            application.save(*[_Told() for _ in range(min(_AT_ONCE, EVENTS - start))])
        application.close()
        self._told += EVENTS
        begun = time.perf_counter()
        with ProjectionRunner(
            application_class=Application, view_class=_Number, projection_class=_Counting, env=self._settings
        ) as runner:
            runner.wait(self._told, timeout=600)
            seconds = time.perf_counter() - begun
        return Sample(EVENTS / seconds)

    def total(self) -> int:
        """The number."""
        with psycopg.connect(self._url) as connection:
            row = connection.execute("select n from public.counted").fetchone()
            assert row is not None
            return int(row[0])


if __name__ == "__main__":
    for result in results():
        print(result)
