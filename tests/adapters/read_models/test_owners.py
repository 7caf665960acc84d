"""Whoever lost its partitions writes nothing: by leases while it asks, by compare-and-set where it no longer can."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from adapters.engagement_log.log import PostgresFactLog
from adapters.event_store.codec import Codec
from adapters.postgres.pool import Pool
from adapters.read_models import checkpoints, folds
from adapters.read_models.checkpoints import Fenced, Span
from adapters.read_models.leases import Leases, connect
from adapters.read_models.projecting import Stopped
from adapters.read_models.reader import PostgresReads
from adapters.read_models.source import StoreSource
from domain.catalogue import EVENTS
from projections.campaign_metrics import CAMPAIGN_METRICS
from tests.support.folding import Stepper, owned_by, rows, stepper
from tests.support.likeness import differences, plain
from tests.support.oracle import Oracle, Told
from tests.support.projector import caught_up, projector
from tests.support.told import clicks, forty_days, make_campaigns, tell

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_CLICKS = "select coalesce(sum(n), 0)::int from campaign_metrics_v1.totals where kind = 9"


@pytest.mark.req("EVT-3")
async def test_an_owner_whose_leases_went_to_another_writes_nothing(fresh_database: str, log: PostgresFactLog) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    await tell(log, [place], clicks(place, 10))

    with stepper(fresh_database, CAMPAIGN_METRICS) as first:
        owned_by(fresh_database, uuid4())
        first.finish()

        assert rows(fresh_database, _CLICKS) == [(0,)]
        owned_by(fresh_database, first.owner)
        first.finish()
        assert rows(fresh_database, _CLICKS) == [(10,)]


@pytest.mark.req("EVT-3")
async def test_a_batch_that_another_owner_has_folded_is_taken_back_whole(
    fresh_database: str, log: PostgresFactLog
) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    await tell(log, [place], clicks(place, 10))
    with stepper(fresh_database, CAMPAIGN_METRICS) as late, stepper(fresh_database, CAMPAIGN_METRICS) as quick:
        quick.finish()
        with pytest.raises(Fenced):
            _fold_from_the_beginning(late)

    assert rows(fresh_database, _CLICKS) == [(10,)]
    assert rows(fresh_database, "select clicks from campaign_metrics_v1.uniques where dimension = 0") == [(10,)]


def _fold_from_the_beginning(late: Stepper) -> None:
    spans = [Span(part, 0, 10) for part in range(16)]
    with late.connection.transaction():
        folds.apply(late.connection, CAMPAIGN_METRICS, late.projecting.source, spans)
        checkpoints.move(late.connection, "engagement", spans)


@pytest.mark.req("EVT-3")
def test_partitions_are_shared_evenly_and_taken_over_when_a_lease_runs_out(fresh_database: str) -> None:
    first, second = Leases(uuid4()), Leases(uuid4())
    status: dict[str, Any] = {"projections": {}}
    with connect(fresh_database, "leases", statement_timeout_ms=5000) as connection:
        first.tick(connection, status)
        assert len(first.held) == 16
        second.tick(connection, status)
        assert len(second.held) == 0
        first.tick(connection, status)
        second.tick(connection, status)
        assert (len(first.held), len(second.held)) == (8, 8)
        assert not first.held & second.held

        connection.execute("update ballyhoo.leases set until = clock_timestamp() where owner = %s", (first.owner,))
        connection.execute(
            "update ballyhoo.processes set seen_at = clock_timestamp() - interval '1 minute' where id = %s",
            (first.owner,),
        )
        second.tick(connection, status)
        assert len(second.held) == 16

        first.tick(connection, status)
        assert not first.held
        second.tick(connection, status)
        first.tick(connection, status)
        assert (len(first.held), len(second.held)) == (8, 8)
        first.release(connection)
        second.tick(connection, status)
        assert len(second.held) == 16


@pytest.mark.req("EVT-3")
async def test_leases_that_ran_out_and_came_back_leave_nothing_unread(
    fresh_database: str, log: PostgresFactLog
) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    await tell(log, [place], clicks(place, 10))
    source, every = StoreSource(Codec(EVENTS)), frozenset(range(16))
    with connect(fresh_database, "source", statement_timeout_ms=5000) as connection:

        def spans(held: Collection[int]) -> int:
            assert source.ready(connection, "engagement", every, 0)
            return len(source.spans(connection, "engagement", dict.fromkeys(held, 0), 500))

        assert spans([]) == 0
        assert spans(range(8)) == 8
        assert spans(every) == 16
        assert source.spans(connection, "engagement", dict.fromkeys(every, 10), 500) == []
        assert not source.ready(connection, "engagement", every, 0)


@pytest.mark.req("EVT-3")
async def test_whoever_lost_the_partitions_while_it_parked_goes_on(
    fresh_database: str, log: PostgresFactLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    await tell(log, [place], clicks(place, 1))
    with stepper(fresh_database, CAMPAIGN_METRICS) as late, stepper(fresh_database, CAMPAIGN_METRICS) as quick:
        owned_by(fresh_database, late.owner)

        def fails(*_: Any) -> int:
            monkeypatch.undo()
            owned_by(fresh_database, quick.owner)
            quick.finish()
            raise ValueError("a fold that fails once")

        monkeypatch.setattr(folds, "apply", fails)
        late.step()
        assert rows(fresh_database, "select count(*) from ballyhoo.parked") == [(0,)]

        await tell(log, [place], clicks(place, 1))
        owned_by(fresh_database, late.owner)
        late.finish()

    assert rows(fresh_database, _CLICKS) == [(2,)]


@pytest.mark.req("EVT-3")
async def test_two_projectors_at_once_count_everything_once(fresh_database: str, log: PostgresFactLog) -> None:
    places = make_campaigns(fresh_database, [["USD", "USD"]])
    told = forty_days(random.Random(3).randrange(10**6), places, 600)
    with projector(fresh_database), projector(fresh_database):
        for start in range(0, len(told), 150):
            await tell(log, places, told[start : start + 150])
        caught_up(fresh_database, 60)

    words = rows(fresh_database, "select words from ballyhoo.bot_rules where live")[0][0]
    epoch = rows(fresh_database, "select epoch from ballyhoo.epochs")[0][0]
    pool = Pool(fresh_database)
    await pool.open()
    for place in places:
        read = await PostgresReads(pool, lambda: epoch).metrics(place.workspace, place.id, group_by=("variant",))
        answer = plain(read.value)
        answer.pop("computed")
        oracle = Oracle(told, place.workspace, str(place.id), words=words)
        assert differences(answer, oracle.metrics(("variant",))) == []
    await pool.close()


@pytest.mark.req("EVT-3", "ANA-1")
async def test_a_void_stands_in_the_partition_of_what_it_takes_back(fresh_database: str, log: PostgresFactLog) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    told = clicks(place, 40)
    target = Told(place.workspace, str(place.id), "", "void", NOON)
    voids = [
        replace(target, id=f"void-{fact.id}", voids=fact.id, contact=f"other-{number}")
        for number, fact in enumerate(told)
    ]
    await tell(log, [place], [*told[:20], *voids[:10]])
    await tell(log, [place], [*voids[10:20], *told[20:], *voids[20:]])

    found = rows(
        fresh_database,
        "select count(*), count(*) filter (where v.part = t.part), count(distinct v.part)"
        " from ballyhoo.facts v join ballyhoo.facts t on t.position = v.voids_position",
    )

    assert found[0][:2] == (40, 40)
    assert found[0][2] > 1


@pytest.mark.req("EVT-3")
async def test_tables_that_know_more_than_a_restored_store_are_not_written_to(
    fresh_database: str, log: PostgresFactLog
) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    await tell(log, [place], clicks(place, 10))
    with stepper(fresh_database, CAMPAIGN_METRICS) as before:
        before.finish()
    _begin_epoch(fresh_database, engagement=10)
    with stepper(fresh_database, CAMPAIGN_METRICS) as after:
        await tell(log, [place], clicks(place, 10))
        after.finish()
    assert rows(fresh_database, _CLICKS) == [(20,)]

    _begin_epoch(fresh_database, engagement=15)
    with pytest.raises(Stopped, match="rebuild"), stepper(fresh_database, CAMPAIGN_METRICS):
        pass


def _begin_epoch(url: str, engagement: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into ballyhoo.epochs (epoch, events_position, engagement_position, system_identifier, timeline)"
            " values (gen_random_uuid(), 1, %s, 'another', 1)",
            (engagement,),
        )
