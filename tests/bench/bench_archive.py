"""What the archive costs: three months of facts before and after, and what is asked of them.

    python -m tests.bench.bench_archive

``BENCH_ARCHIVED`` says how many facts a month has. While partitions move, one fact after the other is appended: how
long the slowest waited says what the moving did to them.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from adapters.archive.archiving import archive
from adapters.engagement_log.log import PostgresFactLog
from adapters.postgres.pool import Pool
from adapters.read_models.reader import PostgresReads
from adapters.read_models.rebuild.places import live
from adapters.read_models.rebuild.rebuild import Rebuild
from domain.engagement import kinds
from domain.engagement.fact import Fact
from domain.shared.position import Position
from projections.ab_evidence import AB_EVIDENCE
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.facts import FactQuery
from tests.bench.filled_log import append, prepare
from tests.bench.harness import database, durability

MONTH = int(os.environ.get("BENCH_ARCHIVED", 200_000))
CAMPAIGNS = 10
SPRING = datetime(2026, 4, 1, tzinfo=UTC)
MONTHS = [datetime(2026, month, 3, tzinfo=UTC) for month in (1, 2, 3)]

_CAMPAIGN = "select workspace, stream, id from ballyhoo.streams order by stream limit 1"
# The filled log has campaigns without events: they were there from the beginning.
_EVENTS = """
insert into ballyhoo.events (position, recorded_at, occurred_at, event_id, workspace, stream, version, part, topic,
    actor, correlation, state)
select row_number() over (order by stream), now(), now(), gen_random_uuid(), workspace, stream, 1, 0, 'bench', 'b', 'b',
    ''
  from ballyhoo.streams
"""


def main() -> None:
    """Print before and after."""
    with database() as url, tempfile.TemporaryDirectory() as folder:
        print(durability(url))
        prepare(url, CAMPAIGNS)
        for month in MONTHS:
            append(url, MONTH, month, campaigns=CAMPAIGNS, contacts=MONTH // 4, days=28)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_EVENTS)
        _rebuild(url, live_ones=False)
        before = _asked(url)
        waits, outcome, seconds = _archived(url, Path(folder))
        for moved in outcome.moved:
            print(f"{moved.partition}: {moved.facts:,} facts, {moved.table_bytes:,} bytes before, "
                  f"{moved.file_bytes:,} after, {moved.file_bytes / moved.table_bytes:.1%}")  # fmt: skip
        print(f"moved in {seconds:.1f} s, {3 * MONTH / seconds:,.0f} facts/s")
        for when, some in waits.items():
            print(f"{len(some):,} appends {when}: p50 {some[len(some) // 2] * 1e3:.1f} ms, "
                  f"p99 {some[-1 - len(some) // 100] * 1e3:.1f} ms, slowest {some[-1] * 1e3:.1f} ms")  # fmt: skip
        _rebuild(url, live_ones=True)
        after = _asked(url)
        for name, (answer, took) in before.items():
            print(f"{name}: {took * 1e3:.0f} ms from the table, {after[name][1] * 1e3:.0f} ms with the files, "
                  f"exact {answer == after[name][0]}")  # fmt: skip


def _rebuild(url: str, *, live_ones: bool) -> None:
    for projection in (CAMPAIGN_METRICS, AB_EVIDENCE):
        began = time.monotonic()
        compared = Rebuild(url, live(projection)).run().compared
        assert compared is not None
        same = compared.live == compared.rebuilt
        words = f"with the files, as the live one: {same}" if live_ones else "from the table"
        print(f"rebuild of {projection.name} in {time.monotonic() - began:.1f} s {words}")


def _archived(url: str, folder: Path) -> tuple[dict[str, list[float]], Any, float]:
    stop = threading.Event()
    waits: list[tuple[float, float]] = []

    async def appending() -> None:
        workspace = _row(url)[0]
        log = PostgresFactLog(url)
        await log.open()
        while not stop.is_set():
            fact = Fact(str(uuid4()), kinds.KINDS["spend"], campaign=None, amount=1)
            began = time.monotonic()
            await log.record(workspace, [fact])
            waits.append((began, time.monotonic() - began))
            await asyncio.sleep(0.005)
        await log.close()

    thread = threading.Thread(target=lambda: asyncio.run(appending()))
    thread.start()
    time.sleep(3)
    began = time.monotonic()
    outcome = archive(url, folder, SPRING)
    seconds = time.monotonic() - began
    stop.set()
    thread.join()
    split = {
        "before": sorted(took for at, took in waits if at < began),
        "meanwhile": sorted(took for at, took in waits if at >= began),
    }
    return split, outcome, seconds


def _asked(url: str) -> dict[str, tuple[Any, float]]:
    workspace, _, id = _row(url)
    day = MONTHS[1] - timedelta(days=4, seconds=333)

    async def asking() -> dict[str, tuple[Any, float]]:
        pool = Pool(url)
        await pool.open()
        epoch = (await pool.rows("select epoch from ballyhoo.epochs"))[0][0]
        reads = PostgresReads(pool, lambda: epoch)
        questions: dict[str, Callable[[], Awaitable[Any]]] = {
            "totals": lambda: reads.metrics(workspace, id),
            "a window of a day": lambda: reads.metrics(workspace, id, starts=day, ends=day + timedelta(days=1)),
            "as of the middle": lambda: reads.metrics(workspace, id, as_of=Position(epoch, CAMPAIGNS, MONTH * 3 // 2)),
            "the campaign's last facts": lambda: reads.facts(workspace, FactQuery(campaign=id)),
            "one contact's facts": lambda: reads.facts(workspace, FactQuery(campaign=id, contact="nobody")),
        }
        said = {}
        for name, ask in questions.items():
            await ask()
            began = time.monotonic()
            value = (await ask()).value
            said[name] = (value, time.monotonic() - began)
        await pool.close()
        return said

    return asyncio.run(asking())


def _row(url: str) -> tuple[Any, ...]:
    with psycopg.connect(url) as connection:
        found: tuple[Any, ...] | None = connection.execute(_CAMPAIGN).fetchone()
        assert found is not None
        return found


if __name__ == "__main__":
    main()
