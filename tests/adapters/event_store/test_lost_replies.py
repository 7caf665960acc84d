"""An append whose reply is lost is recognised by the ids of its events, and never doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.event_store.append import STORED
from application.ports import Idempotency, Unavailable
from tests.adapters.engagement_log.cutting import Cutting, cutting
from tests.adapters.event_store.conftest import Opens
from tests.adapters.event_store.test_group_appender import nobody_appends
from tests.examples.campaigns import ALICE, NOON
from tests.support.event_store import Place, Studio

pytestmark = pytest.mark.req("EVT-2")


@pytest.fixture
async def network(place: Place) -> AsyncIterator[Cutting]:
    """The network to the database of this module."""
    async with cutting(place.url) as network:
        yield network


@pytest.fixture
async def far(network: Cutting, opens: Opens) -> Studio:
    """A store at the other end of it."""
    return await opens(url=network.url)


async def test_a_lost_reply_is_no_conflict(far: Studio, network: Cutting) -> None:
    campaign = await far.drafted()
    campaign.launch(by=ALICE, at=NOON)
    network.lose_replies = True

    recorded = await far.store.save(campaign, far.asks())

    ((position, at),) = far.place.rows(
        "select position, recorded_at from ballyhoo.events where workspace = %s and version = 2", far.caller.workspace
    )
    assert network.cuts == 1
    assert (recorded.position.events, recorded.recorded_at, recorded.version) == (position, at, 2)
    assert [version for _, version in far.place.versions(far.caller)] == [1, 2]


async def test_a_new_stream_whose_reply_is_lost_is_not_taken(far: Studio, network: Cutting) -> None:
    await far.drafted()
    network.lose_replies = True
    campaign = far.draft()

    assert (await far.store.save(campaign, far.asks())).version == 1
    assert len(far.place.versions(far.caller)) == 2


async def test_a_key_whose_reply_is_lost_answers_as_new(far: Studio, network: Cutting) -> None:
    await far.drafted()
    network.lose_replies = True

    recorded = await far.store.save(far.draft(), far.asks(key=Idempotency("k", b"f" * 32), body=b"made"))

    assert recorded.answer is not None
    assert (recorded.answer.body, recorded.replayed) == (b"made", False)


async def test_a_group_whose_reply_is_lost_is_told_one_by_one(far: Studio, network: Cutting) -> None:
    moved = await far.drafted()
    stale = await far.load(moved.id)
    moved.launch(by=ALICE, at=NOON)
    await far.store.save(moved, far.asks())
    stale.cancel(by=ALICE, at=NOON)
    fresh = [far.draft() for _ in range(3)]
    commands = [far.command(one) for one in (fresh[0], stale, fresh[1], fresh[2])]
    with nobody_appends(far.place):
        first = asyncio.create_task(far.appender.append(far.command(far.draft())))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(far.appender.append(command)) for command in commands]
        await asyncio.sleep(0.05)
    await first
    network.lose_replies = True

    outcomes = await asyncio.gather(*rest)

    assert network.cuts == 1
    assert [one.outcome for one in outcomes] == [STORED, 1, STORED, STORED]
    assert outcomes[1].version == 2
    assert len(far.place.versions(far.caller)) == 6


async def test_what_reaches_the_database_only_after_its_repetition_is_not_stored_twice(
    far: Studio, network: Cutting
) -> None:
    campaign = await far.drafted()
    campaign.launch(by=ALICE, at=NOON)
    network.hold_requests = True

    recorded = await far.store.save(campaign, far.asks())
    network.release()
    await asyncio.sleep(0.2)

    assert network.cuts == 1
    assert recorded.version == 2
    assert [version for _, version in far.place.versions(far.caller)] == [1, 2]


async def test_an_append_that_still_runs_when_its_connection_is_lost_is_waited_for(
    far: Studio, network: Cutting
) -> None:
    """The first attempt commits while the second waits behind it: what that finds is its own event."""
    campaign = await far.drafted()
    campaign.launch(by=ALICE, at=NOON)
    with nobody_appends(far.place):
        saving = asyncio.create_task(far.store.save(campaign, far.asks()))
        await asyncio.sleep(0.1)
        network.cut()
        await asyncio.sleep(0.3)

    recorded = await saving

    assert recorded.version == 2
    assert [version for _, version in far.place.versions(far.caller)] == [1, 2]


async def test_a_database_that_is_away_is_said_to_be_and_found_again(far: Studio, network: Cutting) -> None:
    campaign = await far.drafted()
    campaign.launch(by=ALICE, at=NOON)
    network.down = True
    network.cut()

    with pytest.raises(Unavailable):
        await far.appender.append(far.command(campaign))
    network.down = False

    again = await far.load(campaign.id)
    again.launch(by=ALICE, at=NOON)
    assert (await far.store.save(again, far.asks())).version == 2
