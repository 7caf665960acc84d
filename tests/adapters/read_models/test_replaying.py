"""What was parked is taken in after a mend: events of an aggregate in order, a fact with the void that missed it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
import pytest_asyncio

from adapters.engagement_log.log import PostgresFactLog
from adapters.postgres.pool import Pool
from adapters.read_models import folds
from adapters.read_models.parked import PostgresParked
from adapters.read_models.schemas import ensure_schemas
from application.ports_parked import StillUnfoldable
from domain.shared.errors import NotFound
from projections import campaign_list
from projections.campaign_list import CAMPAIGN_LIST
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.projection import Happened
from tests.support.folding import rows, stepper
from tests.support.oracle import Told
from tests.support.rebuilding import rebuilt
from tests.support.told import clicks, make_campaigns, tell

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_CLICKS = "select coalesce(sum(n), 0)::int from campaign_metrics_v1.totals where kind = 9"
_PARKED = "select id from ballyhoo.parked order by position"


@pytest_asyncio.fixture
async def parked(fresh_database: str) -> AsyncIterator[PostgresParked]:
    """What is parked there."""
    pool = Pool(fresh_database, role="ballyhoo_engine")
    await pool.open()
    yield PostgresParked(fresh_database, pool)
    await pool.close()


@pytest.mark.req("EVT-4")
async def test_a_fact_is_taken_in_and_the_void_that_missed_it_takes_it_back(
    fresh_database: str, log: PostgresFactLog, parked: PostgresParked
) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    told = clicks(place, 6)
    await tell(log, [place], told)
    honest = folds.fold_batch

    def faulty(connection: Any, projection: Any, *, taken_back: bool) -> None:
        bad = connection.execute("select 1 from batch where position in (2, 4)").fetchone()
        if bad is not None:
            raise ValueError("a fault of the fold")
        honest(connection, projection, taken_back=taken_back)

    with patch.object(folds, "fold_batch", faulty), stepper(fresh_database, CAMPAIGN_METRICS) as projecting:
        projecting.finish()
    assert rows(fresh_database, _CLICKS) == [(4,)]
    void = Told(place.workspace, str(place.id), "void", "void", NOON, voids=told[3].id)
    await tell(log, [place], [void])
    with stepper(fresh_database, CAMPAIGN_METRICS) as projecting:
        projecting.finish()
    page, more = await parked.page(place.workspace, 50, None)
    assert ([row.fact for row in page], more) == ([told[1].id, told[3].id], False)
    assert page[0].reason == "ValueError: a fault of the fold"

    assert [await parked.replay(place.workspace, row.id) for row in page] == [1, 1]

    assert rows(fresh_database, _PARKED) == []
    assert rows(fresh_database, _CLICKS) == [(5,)]


@pytest.mark.req("EVT-4")
async def test_what_still_cannot_be_folded_stays_and_a_stranger_finds_nothing(
    fresh_database: str, log: PostgresFactLog, parked: PostgresParked
) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    await tell(log, [place], clicks(place, 1))

    def faulty(connection: Any, projection: Any, *, taken_back: bool) -> None:
        raise ValueError("a fault of the fold")

    with patch.object(folds, "fold_batch", faulty):
        with stepper(fresh_database, CAMPAIGN_METRICS) as projecting:
            projecting.finish()
        ((id,),) = rows(fresh_database, _PARKED)
        with pytest.raises(NotFound):
            await parked.replay(place.workspace + 1, id)
        with pytest.raises(StillUnfoldable):
            await parked.replay(place.workspace, id)

    assert rows(fresh_database, _PARKED) == [(id,)]
    assert await parked.replay(place.workspace, id) == 1
    assert rows(fresh_database, _CLICKS) == [(1,)]


@pytest.mark.req("EVT-4")
async def test_the_events_of_an_aggregate_are_taken_in_in_their_order(
    fresh_database: str, parked: PostgresParked
) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        ensure_schemas(connection)
    places = make_campaigns(fresh_database, [["USD", "USD"]])
    honest = campaign_list.fold

    def faulty(row: Any, happened: Happened) -> Any:
        if happened.stream == places[0].stream:
            raise ValueError("a fault of the fold")
        return honest(row, happened)

    planted = replace(CAMPAIGN_LIST, fold=faulty)
    with stepper(fresh_database, planted) as projecting:
        projecting.finish()
    listed = "select stream from campaign_list_v1.campaigns order by stream"
    assert rows(fresh_database, listed) == [(places[1].stream,)]
    page, _ = await parked.page(places[0].workspace, 50, None)
    assert {row.aggregate for row in page} == {places[0].id}

    assert await parked.replay(places[0].workspace, page[-1].id) == len(page)

    assert rows(fresh_database, listed) == [(place.stream,) for place in places]
    assert rows(fresh_database, _PARKED) == []
    compared = rebuilt(fresh_database, CAMPAIGN_LIST).compared
    assert compared is not None
    assert compared.live == compared.rebuilt
