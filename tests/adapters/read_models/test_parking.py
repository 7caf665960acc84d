"""What can't be folded: a fact is parked alone, an event with all later ones of its aggregate, a few in a row stop the
projection, and an event of a newer release is never parked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from adapters.engagement_log.log import PostgresFactLog
from adapters.event_store.codec import Codec, UnknownTopic
from adapters.postgres.health import PostgresHealth
from adapters.postgres.pool import Pool
from adapters.read_models import parking
from adapters.read_models.checkpoints import Span
from adapters.read_models.from_kafka import WHOLE
from adapters.read_models.projecting import MOST_IN_A_ROW, Stopped
from adapters.read_models.reader import PostgresReads
from adapters.read_models.source import StoreSource
from domain.catalogue import EVENTS
from projections.campaign_list import CAMPAIGN_LIST
from projections.campaign_metrics import CAMPAIGN_METRICS
from tests.support.folding import rows, stepper
from tests.support.oracle import Told
from tests.support.projector import projector
from tests.support.told import Place, clicks, make_campaigns, tell

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BROKEN = '{"user_agent": "half a text'

_PLANT = """
with moved as (
  update ballyhoo.log_heads set position = position + 1, recorded_at = clock_timestamp() where log = 'engagement'
  returning position, recorded_at
)
insert into ballyhoo.facts (position, recorded_at, occurred_at, workspace, campaign, quantity, kind, type, part, voided,
    id, properties)
select position, recorded_at, recorded_at, %s, %s, 1, 9, 0, 3, false, 'planted-' || position, %s from moved
"""
_CLICKS = "select coalesce(sum(n), 0)::int from campaign_metrics_v1.totals where kind = 9"


def plant(url: str, place: Place, properties: str = BROKEN) -> None:
    """Put a click into the log that no client could have sent."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select ballyhoo.make_partition(clock_timestamp())")
        connection.execute(_PLANT, (place.workspace, place.stream, properties))


@pytest.mark.req("EVT-3")
async def test_a_bad_fact_is_parked_alone(fresh_database: str, log: PostgresFactLog) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    await tell(log, [place], clicks(place, 300))
    plant(fresh_database, place)
    await tell(log, [place], clicks(place, 300))

    with stepper(fresh_database, CAMPAIGN_METRICS) as projector:
        projector.finish()

    assert rows(fresh_database, _CLICKS) == [(600,)]
    parked = rows(fresh_database, "select workspace, projection, log, position, stream, reason from ballyhoo.parked")
    assert [row[:5] for row in parked] == [(place.workspace, "campaign_metrics", "engagement", 301, None)]
    assert parked[0][5] == "InvalidTextRepresentation: invalid input syntax for type json"
    assert projector.projecting.status()["error"] == parked[0][5]


class InLongRecords(StoreSource):
    """Gives as much as there is until a batch is asked for that is narrower than any of Kafka's."""

    def spans(self, connection: Any, log: Any, held: Mapping[int, int], size: int) -> list[Span]:
        """The store's."""
        return super().spans(connection, log, held, size if size < WHOLE else 100_000)


@pytest.mark.req("EVT-3")
async def test_a_bad_fact_in_a_record_that_is_longer_than_a_batch_is_parked_alone(
    fresh_database: str, log: PostgresFactLog
) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    await tell(log, [place], clicks(place, 2 * WHOLE))
    plant(fresh_database, place)
    await tell(log, [place], clicks(place, 1000))

    with stepper(fresh_database, CAMPAIGN_METRICS) as projector:
        projector.projecting.source = InLongRecords(Codec(EVENTS))
        for _ in range(60):
            projector.step()

    assert rows(fresh_database, _CLICKS) == [(2 * WHOLE + 1000,)]
    assert rows(fresh_database, "select position from ballyhoo.parked") == [(2 * WHOLE + 1,)]


@pytest.mark.req("EVT-3")
async def test_a_void_does_not_take_back_what_was_parked(fresh_database: str, log: PostgresFactLog) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    await tell(log, [place], clicks(place, 2))
    planted = clicks(place, 1)
    await tell(log, [place], planted)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("alter table ballyhoo.facts disable trigger user")
        for (name,) in rows(fresh_database, "select inhrelid::regclass::text from pg_inherits"
                            " where inhparent = 'ballyhoo.facts'::regclass"):  # fmt: skip
            connection.execute(f"alter table {name} disable trigger user".encode())
        connection.execute("update ballyhoo.facts set properties = %s where id = %s", (BROKEN, planted[0].id))
    void = Told(place.workspace, str(place.id), "void-1", "void", NOON, voids=planted[0].id)
    await tell(log, [place], [void])

    with stepper(fresh_database, CAMPAIGN_METRICS) as projector:
        projector.finish()

    assert rows(fresh_database, _CLICKS) == [(2,)]
    assert rows(fresh_database, "select position from ballyhoo.parked order by 1") == [(3,)]


@pytest.mark.req("EVT-3")
async def test_a_few_bad_facts_in_a_row_stop_the_projection(fresh_database: str, log: PostgresFactLog) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    await tell(log, [place], clicks(place, 5))
    for _ in range(MOST_IN_A_ROW + 1):
        plant(fresh_database, place)
    await tell(log, [place], clicks(place, 5))

    with stepper(fresh_database, CAMPAIGN_METRICS) as projector, pytest.raises(Stopped, match="6 records in a row"):
        projector.finish()

    assert rows(fresh_database, _CLICKS) == [(5,)]
    assert rows(fresh_database, "select count(*) from ballyhoo.parked") == [(MOST_IN_A_ROW,)]
    assert rows(fresh_database, "select max(high) from campaign_metrics_v1.checkpoints") == [(10,)]


@pytest.mark.req("EVT-3", "OPS-5")
async def test_a_stopped_projection_is_told_to_whoever_asks(fresh_database: str, log: PostgresFactLog) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    for _ in range(MOST_IN_A_ROW + 1):
        plant(fresh_database, place)
    pool = Pool(fresh_database)
    await pool.open()
    health = PostgresHealth(pool, needed=())
    reads = PostgresReads(pool, uuid4)

    with projector(fresh_database):
        for _ in range(200):
            wrong = await health.ready()
            if wrong:
                break
            await asyncio.sleep(0.05)
        metrics = next(item for item in (await reads.projections(place.workspace)).value if item.parked)

    assert wrong.keys() == {"campaign_metrics"}
    assert (metrics.name, metrics.parked) == ("campaign_metrics", MOST_IN_A_ROW)
    assert metrics.last_error is not None
    assert metrics.last_error.startswith("Stopped: 6 records in a row")
    await pool.close()


@pytest.mark.req("EVT-3")
async def test_bad_facts_with_good_ones_between_do_not(fresh_database: str, log: PostgresFactLog) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    for _ in range(MOST_IN_A_ROW + 2):
        plant(fresh_database, place)
        await tell(log, [place], clicks(place, 1))

    with stepper(fresh_database, CAMPAIGN_METRICS) as projector:
        projector.finish()

    assert rows(fresh_database, _CLICKS) == [(MOST_IN_A_ROW + 2,)]
    assert rows(fresh_database, "select count(*) from ballyhoo.parked") == [(MOST_IN_A_ROW + 2,)]


_EVENT = """
with moved as (
  update ballyhoo.log_heads set position = position + 1, recorded_at = clock_timestamp() where log = 'events'
  returning position, recorded_at
)
insert into ballyhoo.events (position, recorded_at, occurred_at, event_id, workspace, stream, version, part, topic,
    actor, correlation, state)
select position, recorded_at, recorded_at, %s, %s, %s, %s, 0, %s, 'alice', 'planted', %s from moved
"""


def happen(url: str, place: Place, version: int, topic: str, state: str = '{"by": "alice"}') -> None:
    """Put an event into the log that no aggregate decided."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_EVENT, (uuid4(), place.workspace, place.stream, version, topic, state.encode()))


@pytest.mark.req("EVT-3")
def test_a_bad_event_is_parked_with_the_later_ones_of_its_aggregate(fresh_database: str) -> None:
    first, second = make_campaigns(fresh_database, [["USD", "EUR"]])
    happen(fresh_database, first, 2, "campaign.cancelled", '{"by": 17}')
    happen(fresh_database, second, 2, "campaign.cancelled")
    happen(fresh_database, first, 3, "campaign.archived")

    with stepper(fresh_database, CAMPAIGN_LIST) as projector:
        projector.finish()
        happen(fresh_database, first, 4, "campaign.unarchived", '{"by": "alice", "status": "cancelled"}')
        happen(fresh_database, second, 3, "campaign.archived")
        projector.finish()

    campaigns = rows(fresh_database, "select stream, version, status from campaign_list_v1.campaigns order by 1")
    assert campaigns == [(first.stream, 1, "draft"), (second.stream, 3, "archived")]
    parked = rows(fresh_database, "select position, stream, reason from ballyhoo.parked order by 1")
    assert [row[:2] for row in parked] == [(3, first.stream), (5, first.stream), (6, first.stream)]
    assert [row[2] == parking.FOLLOWS for row in parked] == [False, True, True]


@pytest.mark.req("EVT-7")
def test_an_event_of_a_newer_release_is_never_parked(fresh_database: str) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    happen(fresh_database, place, 2, "campaign.teleported")

    with stepper(fresh_database, CAMPAIGN_LIST) as projector, pytest.raises(UnknownTopic):
        projector.finish()

    assert rows(fresh_database, "select count(*) from ballyhoo.parked") == [(0,)]
    assert rows(fresh_database, "select distinct high from campaign_list_v1.checkpoints") == [(0,)]


@pytest.mark.req("EVT-3")
def test_a_lost_event_is_noticed(fresh_database: str) -> None:
    place = make_campaigns(fresh_database, [["USD"]])[0]
    happen(fresh_database, place, 3, "campaign.cancelled")

    with stepper(fresh_database, CAMPAIGN_LIST) as projector:
        projector.finish()

    reasons = rows(fresh_database, "select reason from ballyhoo.parked")
    assert len(reasons) == 1
    assert "version 3" in reasons[0][0]
    assert "where 1 stands" in reasons[0][0]
