"""Results of one A/B test with ten variants, from the read model to the verdict: p99 at most 25 ms, whatever its facts.

    BENCH_LARGE=10000000 python -m tests.bench.bench_ab_results

``BENCH_SMALL`` (20,000) and ``BENCH_LARGE`` (200,000; the goal's is 10,000,000) facts, a fifth as many contacts. What
is measured is the read, the statistics and the JSON; the counts have to be those of the log.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from adapters.postgres.pool import Pool
from adapters.read_models.evidence import PostgresEvidences
from adapters.read_models.reader import PostgresReads
from adapters.statistics.scipy_significance import ScipySignificance
from application.ab_test.looking import Looking
from domain.ab_test.assignment import Split, first_layout
from domain.ab_test.decision import Status
from domain.ab_test.plan import Metric, Plan, Variant
from domain.ab_test.result_document import result_document
from domain.ab_test.state import ABTestState, AllocatedAt
from projections.ab_evidence import AB_EVIDENCE
from tests.bench import filled_log
from tests.bench.harness import ROUNDS, Result, Sample, database, durability, interleaved
from tests.support.projector import caught_up, projector

SMALL = int(os.environ.get("BENCH_SMALL", "20000"))
LARGE = int(os.environ.get("BENCH_LARGE", "200000"))
TIMES = 200
GOAL = 25.0
"""Milliseconds that the slowest of a hundred answers may take."""
ARMS = tuple(f"arm-{number}" for number in range(10))

# The log's three variants and their segments and countries become ten arms: a contact stays in its own.
_TEN_ARMS = """
update ballyhoo.label_sets set variant = 'arm-' || (ascii(variant) - 97 + 3 * (segment = 'old')::int
  + 6 * (country = 'US')::int) % 10
"""
_BY_HAND = """
select l.variant, count(distinct f.contact) filter (where f.kind in (1, 2, 3, 7)), count(*) filter (where f.kind = 9)
  from ballyhoo.facts f join ballyhoo.label_sets l on l.id = f.labels where f.campaign = %s group by 1
"""


def results() -> Iterator[Result]:
    """One row: the large test against the small one, in answers a second."""
    with database() as url:
        print(f"{durability(url)}, {SMALL:,} and {LARGE:,} facts, {len(ARMS)} variants")
        filled_log.prepare(url, 2)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_TEN_ARMS)
        for skipped, count in ((0, SMALL), (1, LARGE)):
            at = datetime.now(UTC)
            filled_log.append(url, count, at, campaigns=1, contacts=count // 5, days=30, skipped=skipped)
        begun = time.perf_counter()
        with (
            projector(url, projections=[AB_EVIDENCE]),
            psycopg.connect(url, autocommit=True) as connection,
        ):
            caught_up(url, 3600, [AB_EVIDENCE])
            print(f"folded at {(SMALL + LARGE) / (time.perf_counter() - begun):,.0f} facts/s")
            connection.execute("vacuum analyze")
        yield _compared(url)


def _compared(url: str) -> Result:
    with psycopg.connect(url) as connection:
        epoch = connection.execute("select epoch from ballyhoo.epochs").fetchall()[0][0]
        campaigns = connection.execute("select stream, id from ballyhoo.streams order by stream").fetchall()
        (_, small), (stream, large) = campaigns
        expected = {row[0]: row[1:] for row in connection.execute(_BY_HAND, (stream,))}
    with asyncio.Runner() as runner:
        pool = Pool(url)
        runner.run(pool.open())
        looking = Looking(PostgresEvidences(PostgresReads(pool, lambda: epoch)), ScipySignificance())
        found = runner.run(looking.at(1, _state(large))).evidence.arms
        exact = {arm.variant: (arm.contacts, arm.clicks) for arm in found} == expected
        of_large, of_small = interleaved(
            lambda: runner.run(_asked(looking, large)), lambda: runner.run(_asked(looking, small)), rounds=ROUNDS
        )
        runner.run(pool.close())
    slowest = statistics.median(sample.p99 for sample in of_large)
    met = "met" if slowest <= GOAL else "NOT MET"
    return Result(
        f"results of {LARGE:,} facts", f"of {SMALL:,}", of_large, of_small, "answers/s",
        "contacts and clicks of every arm" if exact else "WRONG", notes=[f"p99 {GOAL:g} ms {met}"],
    )  # fmt: skip


async def _asked(looking: Looking, campaign: UUID) -> Sample:
    state, took = _state(campaign), []
    for _ in range(TIMES):
        begun = time.perf_counter()
        result = await looking.at(1, state)
        json.dumps(result_document("test", state, result, lambda position: ""), allow_nan=False)
        took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    return Sample(TIMES / sum(took) * 1000, took[TIMES // 2], took[TIMES * 99 // 100])


def _state(campaign: UUID) -> ABTestState:
    """A running test with equal shares."""
    plan = Plan(Metric.CLICK, tuple(Variant(name, control=name == ARMS[0]) for name in ARMS))
    at = datetime.now(UTC)
    layout = first_layout(Split(plan.names, plan.shares))
    allocated = AllocatedAt(at, plan.shares, layout)
    return ABTestState(
        campaign, "bench", plan, "salt", "bench", Status.RUNNING, started_at=at, allocations=(allocated,)
    )


if __name__ == "__main__":
    for result in results():
        print(result)
