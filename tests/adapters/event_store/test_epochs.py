"""Another server, or an older state of it, begins a new epoch; what belongs to a given-up history is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.event_store.epochs import PostgresEpochs
from adapters.event_store.workspaces import make_key
from adapters.postgres.pool import Pool
from application.ports import BadToken, Position
from tests.adapters.engagement_log.cutting import cutting
from tests.adapters.event_store.conftest import Opens
from tests.support.event_store import Place

pytestmark = pytest.mark.req("EVT-3")


@pytest.fixture
async def pool(fresh_place: Place) -> AsyncIterator[Pool]:
    """The engine's connections."""
    pool = Pool(fresh_place.url, role="ballyhoo_engine", size=4)
    await pool.open()
    yield pool
    await pool.close()


def epochs(place: Place) -> list[tuple[object, ...]]:
    """Every epoch, oldest first, with where it began."""
    return place.rows("select epoch, events_position, engagement_position from ballyhoo.epochs order by began_at")


async def test_a_start_on_the_same_server_goes_on_in_its_epoch(fresh_place: Place, pool: Pool) -> None:
    first = await PostgresEpochs(pool).load()
    second = await PostgresEpochs(pool).load()

    assert first == second
    assert epochs(fresh_place) == [(first, 0, 0)]


@pytest.mark.parametrize(
    "changed",
    [
        "update ballyhoo.epochs set system_identifier = 'another server'",
        "update ballyhoo.epochs set timeline = timeline + 1",
    ],
)
async def test_another_server_or_timeline_begins_an_epoch_at_the_heads_of_the_logs(
    fresh_place: Place, pool: Pool, opens: Opens, changed: str
) -> None:
    before = await PostgresEpochs(pool).load()
    alice = await opens(fresh_place)
    for _ in range(3):
        await alice.drafted()
    fresh_place.rows(changed)

    known = PostgresEpochs(pool)
    after = await known.load()

    assert after != before
    assert epochs(fresh_place) == [(before, 0, 0), (after, 3, 0)]
    assert await PostgresEpochs(pool).load() == after
    assert await known.valid(Position(before, 3, 0)) == Position(after, 3, 0)
    assert await known.valid(Position(after, 99, 99)) == Position(after, 99, 99)
    for lost in (Position(before, 4, 0), Position(before, 3, 1)):
        with pytest.raises(BadToken):
            await known.valid(lost)


async def test_an_epoch_that_is_not_of_this_store_is_told(fresh_place: Place, pool: Pool) -> None:
    known = PostgresEpochs(pool)
    await known.load()

    with pytest.raises(BadToken):
        await known.valid(Position(fresh_place.workspace().workspace_id, 0, 0))


async def test_many_processes_that_start_on_a_restored_server_begin_one_epoch(fresh_place: Place, pool: Pool) -> None:
    fresh_place.rows("update ballyhoo.epochs set timeline = 0")

    begun = await asyncio.gather(*[PostgresEpochs(pool).load() for _ in range(8)])

    assert len(set(begun)) == 1
    assert len(epochs(fresh_place)) == 2


async def test_an_epoch_that_another_process_began_is_looked_up(fresh_place: Place, pool: Pool) -> None:
    running = PostgresEpochs(pool)
    before = await running.load()
    fresh_place.rows("update ballyhoo.epochs set timeline = 0")
    after = await PostgresEpochs(pool).load()

    assert await running.valid(Position(after, 7, 7)) == Position(after, 7, 7)
    assert running.current == after
    with pytest.raises(BadToken):
        await running.valid(Position(before, 1, 0))


async def test_an_appender_that_connects_again_begins_the_epoch_before_it_appends(
    fresh_place: Place, pool: Pool, opens: Opens
) -> None:
    known = PostgresEpochs(pool)
    before = await known.load()
    async with cutting(fresh_place.url) as network:
        far = await opens(fresh_place, url=network.url, epochs=known)
        for _ in range(3):
            await far.drafted()
        fresh_place.rows("update ballyhoo.epochs set timeline = 0")
        network.cut()

        recorded = await far.store.save(far.draft(), far.asks())

    after = recorded.position.epoch
    assert epochs(fresh_place) == [(before, 0, 0), (after, 3, 0)]
    assert recorded.position.events == 4
    assert await known.valid(recorded.position) == recorded.position
    assert await known.valid(Position(before, 3, 0)) == Position(after, 3, 0)
    with pytest.raises(BadToken):
        await known.valid(Position(before, 4, 0))


async def test_a_key_that_is_made_on_a_restored_server_is_of_a_new_epoch(fresh_place: Place) -> None:
    fresh_place.rows("update ballyhoo.epochs set timeline = 0")

    with psycopg.connect(fresh_place.url) as connection:
        make_key(connection, "restored", "owner")

    assert [began for _, *began in epochs(fresh_place)] == [[0, 0], [0, 0]]


async def test_an_epoch_begins_after_the_last_whatever_the_clock_says(fresh_place: Place, pool: Pool) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    fresh_place.rows("update ballyhoo.epochs set timeline = 0, began_at = %s", ahead)

    first = await PostgresEpochs(pool).load()

    assert await PostgresEpochs(pool).load() == first
    assert len(epochs(fresh_place)) == 2


async def test_a_restore_is_told_by_hand(fresh_place: Place, pool: Pool) -> None:
    before = await PostgresEpochs(pool).load()

    ((restored,),) = fresh_place.rows("select ballyhoo.current_epoch(true)")

    assert restored != before
    assert await PostgresEpochs(pool).load() == restored
