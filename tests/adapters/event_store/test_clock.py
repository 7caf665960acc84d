"""A test's clock goes into the append, which never goes below the last time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.adapters.event_store.conftest import Opens
from tests.examples.campaigns import ALICE, NOON, after_noon
from tests.support.event_store import Place, now

pytestmark = pytest.mark.req("EVT-5", "SCH-2")

TICK = timedelta(microseconds=1)


class Clock:
    """Stands where a test puts it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """The moment."""
        return self.at


async def test_events_are_recorded_by_the_clock_that_is_given(fresh_place: Place, opens: Opens) -> None:
    clock = Clock(NOON)
    alice = await opens(fresh_place, clock=clock)
    first = await alice.store.save(alice.draft(), alice.asks())
    clock.at = after_noon(days=90)
    second = await alice.store.save(alice.draft(), alice.asks())

    assert (first.recorded_at, second.recorded_at) == (NOON, after_noon(days=90))


async def test_a_clock_that_stands_or_runs_backwards_does_not_take_the_log_along(
    fresh_place: Place, opens: Opens
) -> None:
    clock = Clock(NOON)
    alice = await opens(fresh_place, clock=clock)
    campaign = alice.draft()
    campaign.launch(by=ALICE, at=NOON)
    campaign.pause(by=ALICE, at=NOON)

    recorded = [await alice.store.save(campaign, alice.asks())]
    clock.at = NOON - timedelta(days=1)
    recorded.append(await alice.store.save(alice.draft(), alice.asks()))

    assert [one.recorded_at for one in recorded] == [NOON + 2 * TICK, NOON + 3 * TICK]
    times = [row[0] for row in fresh_place.rows("select recorded_at from ballyhoo.events order by position")]
    assert times == [NOON + number * TICK for number in range(4)]


async def test_without_one_the_databases_counts(fresh_place: Place, opens: Opens) -> None:
    alice = await opens(fresh_place)
    before = now()

    recorded = await alice.store.save(alice.draft(), alice.asks())

    assert before - timedelta(seconds=1) < recorded.recorded_at < now() + timedelta(seconds=1)
