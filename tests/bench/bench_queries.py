"""Questions to the read models of a small campaign and of a large one: what is flat, and what the rest costs.

    python -m tests.bench.bench_queries

``BENCH_SMALL`` (100,000) and ``BENCH_LARGE`` (1,000,000; the goal's is 10,000,000) facts over 90 days, a tenth as
many contacts as facts. The large campaign may take 1.2 times as long as the small one where the answer is not said to
be computed.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from adapters.postgres.pool import Pool
from adapters.read_models.reader import PostgresReads
from application.ports import Unavailable
from projections.campaign_metrics import CAMPAIGN_METRICS
from tests.bench import filled_log
from tests.bench.harness import ROUNDS, Result, Sample, database, durability
from tests.support.projector import caught_up, projector

SMALL = int(os.environ.get("BENCH_SMALL", "100000"))
LARGE = int(os.environ.get("BENCH_LARGE", "1000000"))
TIMES = 100
FUNNEL = ("impression", "click", "conversion")

Ask = Callable[[PostgresReads, UUID], Awaitable[Any]]
FLAT: dict[str, Ask] = {
    "metrics": lambda reads, id: reads.metrics(1, id),
    "metrics by platform": lambda reads, id: reads.metrics(1, id, group_by=("platform",)),
    "return on investment": lambda reads, id: reads.roi(1, id),
}
COMPUTED: dict[str, Ask] = {
    "metrics by variant and platform": lambda reads, id: reads.metrics(1, id, group_by=("variant", "platform")),
    "funnel of three stages": lambda reads, id: reads.funnel(1, id, FUNNEL),
    "metrics of one day": lambda reads, id: reads.metrics(
        1, id, starts=datetime.now(UTC) - timedelta(days=2), ends=datetime.now(UTC) - timedelta(days=1)
    ),
    "metrics by day": lambda reads, id: reads.metrics(1, id, group_by=("day",), time_zone="Asia/Kathmandu"),
}


def results() -> Iterator[Result]:
    """A row for each flat question; what the computed ones cost is printed."""
    with database() as url:
        print(f"{durability(url)}, {SMALL:,} and {LARGE:,} facts")
        filled_log.prepare(url, 2)
        for skipped, count in ((0, SMALL), (1, LARGE)):
            filled_log.append(
                url, count, datetime.now(UTC), campaigns=1, contacts=count // 10, days=90, skipped=skipped
            )
        begun = time.perf_counter()
        with projector(url, projections=[CAMPAIGN_METRICS]):
            caught_up(url, 3600, [CAMPAIGN_METRICS])
        print(f"folded at {(SMALL + LARGE) / (time.perf_counter() - begun):,.0f} facts/s")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("vacuum analyze")
        yield from asyncio.run(_asked(url))


async def _asked(url: str) -> list[Result]:
    pool = Pool(url)
    await pool.open()
    with psycopg.connect(url) as connection:
        epoch = connection.execute("select epoch from ballyhoo.epochs").fetchall()[0][0]
        small, large = (id for (id,) in connection.execute("select id from ballyhoo.streams order by stream"))
    reads = PostgresReads(pool, lambda: epoch)
    found = []
    for name, ask in FLAT.items():
        sides: tuple[list[Sample], list[Sample]] = ([], [])
        for _ in range(ROUNDS):
            for samples, id in zip(sides, (small, large), strict=True):
                samples.append(await _sample(ask, reads, id))
        sent = (await reads.metrics(1, large)).value.total
        exact = sent.impressions * 20 == LARGE * 6 and sent.conversions * 20 == LARGE * 2
        found.append(
            Result(f"{name}, {LARGE:,} facts", f"{SMALL:,} facts", *sides[::-1], "answers/s", str(exact), 1 / 1.2, 1.0)
        )
    for name, ask in COMPUTED.items():
        try:
            took = [await _once(ask, reads, large) for _ in range(3)]
        except Unavailable as error:
            print(f"{name}, {LARGE:,} facts: {error}")
        else:
            print(f"{name}, {LARGE:,} facts: {statistics.median(took) * 1000:,.0f} ms, computed")
    await pool.close()
    return found


async def _sample(ask: Ask, reads: PostgresReads, id: UUID) -> Sample:
    took = sorted([await _once(ask, reads, id) for _ in range(TIMES)])
    return Sample(TIMES / sum(took), took[TIMES // 2] * 1000, took[TIMES * 99 // 100] * 1000)


async def _once(ask: Ask, reads: PostgresReads, id: UUID) -> float:
    begun = time.perf_counter()
    await ask(reads, id)
    return time.perf_counter() - begun


if __name__ == "__main__":
    for result in results():
        print(result)
