"""Due work: written with its event, claimed once, fenced when its lease ran out."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from adapters.event_store.due_work import WHOLE_SCAN_EVERY, PostgresDueWork
from application.application import assemble
from application.due_work import run_due_work
from application.ports import Claimed, Fenced
from domain.campaign.words import Status
from tests.adapters.event_store.conftest import Opens
from tests.adapters.event_store.test_group_appender import in_one_group
from tests.examples.campaigns import ALICE, NOON, after_noon
from tests.examples.worlds import CountingIds, FixedFigures, without_tests
from tests.support.event_store import Studio

pytestmark = pytest.mark.req("SCH-2")

START, END = after_noon(days=1), after_noon(days=2)


class Seconds:
    """A stopwatch that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        """Its hand."""
        return self.at


class At(PostgresDueWork):
    """A worker's queue whose clock stands."""

    def __init__(self, studio: Studio, moment: datetime) -> None:
        super().__init__(studio.pool, uuid4())
        self._moment = moment

    async def claim(self, most: int, now: datetime | None = None) -> list[Claimed]:
        """What is due then."""
        return await super().claim(most, self._moment)


def due(studio: Studio) -> dict[Any, Any]:
    """What waits, as {(campaign, kind): time}."""
    rows = studio.place.rows(
        "select s.id, d.kind, d.due_at from ballyhoo.due_work d join ballyhoo.streams s using (stream) "
        "where d.workspace = %s",
        studio.caller.workspace,
    )
    return {(campaign, kind): at for campaign, kind, at in rows}


def queue(studio: Studio, **options: Any) -> PostgresDueWork:
    """A worker's queue."""
    return PostgresDueWork(studio.pool, uuid4(), **options)


async def scheduled(studio: Studio, **changes: Any) -> Any:
    """A campaign that waits for its start."""
    schedule = {"starts_at": START.isoformat(), "ends_at": END.isoformat()}
    campaign = studio.draft(**({"schedule": schedule} | changes))
    campaign.schedule({}, by=ALICE, at=NOON)
    await studio.store.save(campaign, studio.asks())
    return await studio.load(campaign.id)


@pytest.fixture
async def opened(fresh_place: Any, opens: Opens) -> Studio:
    """A store on a database where nothing else is due."""
    return await opens(fresh_place)


async def test_due_work_comes_moves_and_goes_with_its_events(opened: Studio) -> None:
    campaign = await scheduled(opened)
    assert due(opened) == {(campaign.id, "launch"): START}

    campaign.schedule({"starts_at": after_noon(hours=5).isoformat()}, by=ALICE, at=NOON)
    await opened.store.save(campaign, opened.asks())
    assert due(opened) == {(campaign.id, "launch"): after_noon(hours=5)}

    campaign = await opened.load(campaign.id)
    campaign.launch(by=ALICE, at=NOON)
    await opened.store.save(campaign, opened.asks())
    assert due(opened) == {(campaign.id, "complete"): END}

    campaign = await opened.load(campaign.id)
    campaign.complete({}, by=ALICE, at=NOON)
    await opened.store.save(campaign, opened.asks())
    assert due(opened) == {}


async def test_a_lost_race_leaves_due_work_alone_and_a_group_writes_each_ones(opened: Studio) -> None:
    campaign = await scheduled(opened)
    late = await opened.load(campaign.id)
    campaign.change({"name": "Another"}, by=ALICE, at=NOON)
    await opened.store.save(campaign, opened.asks())
    late.unschedule(by=ALICE, at=NOON)
    others = [opened.draft() for _ in range(3)]
    for hours, other in enumerate(others, 1):
        other.schedule({"starts_at": after_noon(hours=hours).isoformat()}, by=ALICE, at=NOON)

    await in_one_group(opened, [opened.command(one) for one in (others[0], late, *others[1:])])

    waiting = {(other.id, "launch"): after_noon(hours=hours) for hours, other in enumerate(others, 1)}
    assert due(opened) == {(campaign.id, "launch"): START} | waiting


async def test_what_is_due_is_claimed_once_by_many_workers(opened: Studio) -> None:
    campaigns = [await scheduled(opened) for _ in range(20)]
    workers = [queue(opened) for _ in range(4)]

    assert await workers[0].claim(100, NOON) == []
    rounds = await asyncio.gather(*[worker.claim(7, START) for worker in workers for _ in range(3)])

    claimed = [piece for one in rounds for piece in one]
    assert sorted(piece.stream for piece in claimed) == sorted(campaign.id for campaign in campaigns)
    assert all(len(one) <= 7 for one in rounds)
    assert {(piece.kind, piece.due_at, piece.at) for piece in claimed} == {("launch", START, START)}
    assert {piece.claim.fence for piece in claimed} == {1}
    assert {(piece.workspace, piece.workspace_id) for piece in claimed} == {
        (opened.caller.workspace, opened.caller.workspace_id)
    }


async def test_a_worker_that_was_stopped_past_its_lease_is_fenced(opened: Studio) -> None:
    campaign = await scheduled(opened)
    (stopped,) = await queue(opened).claim(10, START)
    other = queue(opened)
    within, after = START + timedelta(seconds=9), START + timedelta(seconds=11)
    assert await other.claim(10, within) == []
    (taken,) = await PostgresDueWork(opened.pool, uuid4()).claim(10, after)
    assert (taken.claim.id, taken.claim.fence) == (stopped.claim.id, 2)

    for piece in (taken, stopped):
        late = await opened.load(campaign.id)
        if piece is taken:
            late.due_launch(by="worker", at=after)
            await opened.store.save(late, opened.asks(due=piece.claim))
        else:
            late.pause(by="worker", at=after)
            with pytest.raises(Fenced):
                await opened.store.save(late, opened.asks(due=piece.claim))

    assert (await opened.load(campaign.id)).version == 3
    assert due(opened) == {(campaign.id, "complete"): END}


async def test_a_lease_from_before_the_clock_was_set_back_holds_nobody_up(opened: Studio) -> None:
    await scheduled(opened)
    ahead, worker = At(opened, START + timedelta(hours=1)), At(opened, START)

    assert len(await ahead.claim(10)) == 1
    assert len(await worker.claim(10)) == 1
    assert await At(opened, START).claim(10) == []


async def test_a_claim_is_void_when_the_work_was_moved_meanwhile(opened: Studio) -> None:
    campaign = await scheduled(opened)
    worker = queue(opened)
    (piece,) = await worker.claim(10, START)
    campaign.schedule({"starts_at": after_noon(days=1, hours=5).isoformat()}, by=ALICE, at=NOON)
    await opened.store.save(campaign, opened.asks())

    await worker.drop(piece.claim)

    assert due(opened) == {(campaign.id, "launch"): after_noon(days=1, hours=5)}


async def test_a_failure_is_noted_and_comes_again_when_the_lease_ends(opened: Studio) -> None:
    await scheduled(opened)
    (piece,) = await queue(opened).claim(10, START)

    await queue(opened).failed(piece.claim, "the network was away")

    assert opened.place.rows("select last_error, attempts from ballyhoo.due_work") == [("the network was away", 1)]
    (again,) = await queue(opened).claim(10, START + timedelta(seconds=11))
    assert again.claim.fence == 2


async def test_a_claim_begins_at_the_watermark_and_now_and_then_at_the_start(opened: Studio) -> None:
    seconds = Seconds()
    worker = queue(opened, seconds=seconds)
    early, late = START - timedelta(hours=1), START
    first = await scheduled(opened)
    assert [piece.stream for piece in await worker.claim(10, START)] == [first.id]
    behind = await scheduled(opened, schedule={"starts_at": early.isoformat()})
    ahead = await scheduled(opened, schedule={"starts_at": late.isoformat()})

    assert [piece.stream for piece in await worker.claim(10, START)] == [ahead.id]
    seconds.at = WHOLE_SCAN_EVERY
    assert [piece.stream for piece in await worker.claim(10, START)] == [behind.id]


async def test_a_round_of_due_work_does_each_piece_once(opened: Studio) -> None:
    campaigns = [await scheduled(opened) for _ in range(6)]
    application = assemble(opened.store, CountingIds(), FixedFigures(), *without_tests())
    starts = [At(opened, START) for _ in range(3)]
    ends = [At(opened, END) for _ in range(3)]

    launched = sum(await asyncio.gather(*[run_due_work(worker, application, 4) for worker in starts]))
    states = [(await opened.load(campaign.id)).status for campaign in campaigns]
    completed = sum(await asyncio.gather(*[run_due_work(worker, application, 4) for worker in ends]))

    assert (launched, completed) == (6, 6)
    assert states == [Status.ACTIVE] * 6
    loaded = [await opened.load(campaign.id) for campaign in campaigns]
    assert [(campaign.status, campaign.version) for campaign in loaded] == [(Status.COMPLETED, 4)] * 6
    assert due(opened) == {}


async def test_work_that_turned_out_not_to_be_due_is_forgotten(opened: Studio) -> None:
    campaign = await scheduled(opened)
    opened.place.rows("update ballyhoo.due_work set due_at = %s", NOON)
    application = assemble(opened.store, CountingIds(), FixedFigures(), *without_tests())

    assert await run_due_work(At(opened, NOON), application) == 1

    assert (await opened.load(campaign.id)).status is Status.SCHEDULED
    assert due(opened) == {}
