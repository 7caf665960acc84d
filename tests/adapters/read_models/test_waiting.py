"""Reading one's own write: a read waits for a position, and one poller wakes all who wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import pytest_asyncio

from adapters.engagement_log.log import PostgresFactLog
from adapters.postgres.pool import Pool
from adapters.read_models.reader import PostgresReads
from application.ports import Position
from tests.support.folding import rows
from tests.support.oracle import Told
from tests.support.projector import projector
from tests.support.told import make_campaigns, tell

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def reads(fresh_database: str) -> AsyncIterator[PostgresReads]:
    """A reader of a fresh database."""
    pool = Pool(fresh_database)
    await pool.open()
    yield PostgresReads(pool, lambda: rows(fresh_database, "select epoch from ballyhoo.epochs")[0][0])
    await pool.close()


@pytest.mark.req("EVT-9")
async def test_a_read_after_a_fact_is_never_stale(fresh_database: str, reads: PostgresReads) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    log = PostgresFactLog(fresh_database)
    await log.open()
    epoch = (await reads.projections(place.workspace)).position.epoch
    one = Told(place.workspace, str(place.id), "", "click", NOON)
    took = []
    with projector(fresh_database):
        for number in range(1, 101):
            head = await tell(log, [place], [replace(one, id=str(uuid4()), contact=f"contact-{number}")])
            begun = time.monotonic()
            assert await reads.wait_for("metrics", Position(epoch, 1, head), 10)
            took.append(time.monotonic() - begun)
            read = await reads.metrics(place.workspace, place.id)
            assert read.value.total.unique_clicks == number
            assert read.position.engagement >= head
    print(f"visible after {sorted(took)[50] * 1000:.1f} ms (median), {sorted(took)[98] * 1000:.1f} ms (99 of 100)")
    await log.close()


@pytest.mark.req("EVT-9")
async def test_nobody_waits_longer_than_asked(reads: PostgresReads) -> None:
    position = Position(uuid4(), 5, 5)

    begun = time.monotonic()
    reached = await reads.wait_for("metrics", position, 0.2)

    assert not reached
    assert 0.2 <= time.monotonic() - begun < 1.0


@pytest.mark.req("EVT-9")
async def test_all_who_wait_are_woken_each_for_its_own_position(fresh_database: str, reads: PostgresReads) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    log = PostgresFactLog(fresh_database)
    await log.open()
    one = Told(place.workspace, str(place.id), "", "click", NOON)
    await tell(log, [place], [replace(one, id=str(uuid4())) for _ in range(20)])
    waiting = [
        asyncio.create_task(reads.wait_for(question, Position(uuid4(), 1, position), 5.0))
        for position in (*range(21), 30)
        for question in ("metrics", "campaigns", "facts")
    ]
    await asyncio.sleep(0.1)
    assert sum(task.done() for task in waiting) == 2

    with projector(fresh_database):
        reached = await asyncio.gather(*waiting)

    assert reached == [True] * 63 + [False] * 3
    await log.close()
