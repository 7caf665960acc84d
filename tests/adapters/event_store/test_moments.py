"""A time names a position: the last one recorded at or before it, in each log."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import psycopg
import pytest

from adapters.engagement_log.log import PostgresFactLog
from adapters.event_store.moments import PostgresMoments
from adapters.postgres.pool import Pool
from domain.engagement.fact import Fact
from domain.engagement.kinds import CLICK
from tests.adapters.event_store.conftest import Opens
from tests.examples.campaigns import ALICE, NOON
from tests.support.event_store import EPOCH, Place, Studio, now, studio

pytestmark = pytest.mark.req("EVT-5")

TICK = timedelta(microseconds=1)
SEED = 5


@dataclass
class Both:
    """Both logs, and what is asked of them."""

    place: Place
    studio: Studio
    log: PostgresFactLog
    moments: PostgresMoments
    campaign: int = 0

    def recorded(self, log: str) -> list[tuple[int, datetime]]:
        """Every record of a log."""
        statements = {"events": "select position, recorded_at from ballyhoo.events order by 1",
                      "facts": "select position, recorded_at from ballyhoo.facts order by 1"}  # fmt: skip
        return [(position, at) for position, at in self.place.rows(statements[log])]

    async def write(self, chance: random.Random, rounds: int) -> None:
        """Events and facts in turn, some of the facts again, so that positions have gaps."""
        ids = [str(uuid4())]
        for _ in range(rounds):
            if chance.random() < 0.5:
                await self.studio.drafted()
            facts = [chance.choice(ids) if chance.random() < 0.4 else str(uuid4()) for _ in range(chance.randint(1, 5))]
            ids += facts
            await self.log.record(self.studio.caller.workspace, [Fact(id, CLICK, self.campaign) for id in facts])


@pytest.fixture
async def both(fresh_place: Place) -> AsyncIterator[Both]:
    """Two empty logs."""
    log = PostgresFactLog(fresh_place.url)
    pool = Pool(fresh_place.url)
    await log.open()
    await pool.open()
    async with studio(fresh_place) as opened:
        logs = Both(fresh_place, opened, log, PostgresMoments(pool, lambda: EPOCH))
        campaign = await opened.drafted()
        ((logs.campaign,),) = fresh_place.rows("select stream from ballyhoo.streams where id = %s", campaign.id)
        yield logs
    await log.close()
    await pool.close()


async def test_positions_of_random_times_equal_the_oracles(both: Both) -> None:
    chance = random.Random(SEED)
    await both.write(chance, 40)
    logs = [both.recorded("events"), both.recorded("facts")]
    assert any(later - earlier > 1 for (earlier, _), (later, _) in pairwise(logs[1])), "duplicates leave gaps"
    times = [at for log in logs for _, at in log]
    first, last = min(times), max(times)
    asked = [at + shift for at in times for shift in (-TICK, timedelta(), TICK)]
    asked += [first + (last - first) * chance.random() for _ in range(200)] + [first - timedelta(days=1)]

    rows = both.place.rows(
        "select t, p.events, p.engagement from unnest(%s::timestamptz[]) t, ballyhoo.positions_at(t) p", asked
    )

    for at, *found in rows:
        for position, log in zip(found, logs, strict=True):
            reached = max((one for one, recorded_at in log if recorded_at <= at), default=0)
            following = min((one for one, recorded_at in log if recorded_at > at), default=position + 1)
            assert reached <= position < following, f"seed {SEED}, at {at}"


async def test_a_version_its_time_and_a_microsecond_before(both: Both) -> None:
    campaign = both.studio.draft()
    for version in range(1, 30):
        if version > 1:
            campaign.change({"name": f"Version {version}"}, by=ALICE, at=NOON)
        recorded = await both.studio.store.save(campaign, both.studio.asks())
        at, before = recorded.recorded_at, recorded.recorded_at - TICK

        position = await both.moments.at(at)
        earlier = await both.moments.at(before)

        assert position is not None
        assert earlier is not None
        loaded = await both.studio.load(campaign.id, position=position.events)
        assert loaded.version == version
        if version > 1:
            assert (await both.studio.load(campaign.id, position=earlier.events)).version == version - 1


async def test_the_future_has_no_position_and_the_present_has(both: Both) -> None:
    head = await both.moments.head()

    assert await both.moments.at(now() + timedelta(seconds=5)) is None
    assert await both.moments.at(now()) == head


async def test_what_is_being_appended_is_waited_for(both: Both) -> None:
    """An append that began before may still be recorded at a time that has passed."""
    campaign = both.studio.draft()
    with psycopg.connect(both.place.url) as slow:
        slow.execute("select pg_advisory_xact_lock(7001)")
        saving = asyncio.create_task(both.studio.store.save(campaign, both.studio.asks()))
        await asyncio.sleep(0.05)
        asking = asyncio.create_task(both.moments.at(now()))
        await asyncio.sleep(0.1)
        assert not asking.done()
    position, recorded = await asyncio.gather(asking, saving)

    assert position is not None
    assert position.events in (recorded.position.events - 1, recorded.position.events)
    again = await both.moments.at(recorded.recorded_at)
    assert again is not None
    assert again.events == recorded.position.events


async def test_a_settled_moment_waits_for_nobody(both: Both) -> None:
    await both.write(random.Random(SEED), 3)
    before = min(both.recorded("events")[-1][1], both.recorded("facts")[-1][1]) - TICK

    with psycopg.connect(both.place.url) as slow:
        slow.execute("select pg_advisory_xact_lock(7001), pg_advisory_xact_lock(7003)")
        position = await asyncio.wait_for(both.moments.at(before), 2)

    assert position is not None


async def test_what_is_recorded_ahead_of_the_clock_lies_behind(both: Both, opens: Opens) -> None:
    ahead = await opens(both.place, clock=lambda: now() + timedelta(days=1))

    recorded = await ahead.store.save(ahead.draft(), ahead.asks())

    position = await both.moments.at(recorded.recorded_at)
    assert position is not None
    assert position.events == recorded.position.events
    assert await both.moments.at(recorded.recorded_at + TICK) is None
