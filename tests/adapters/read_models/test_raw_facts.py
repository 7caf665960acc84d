"""The list of raw facts: what was told, in a stable order, page by page while more comes in."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from adapters.engagement_log.log import PostgresFactLog
from adapters.postgres.pool import Pool
from adapters.read_models.reader import PostgresReads
from domain.shared.errors import Invalid, NotFound
from domain.shared.times import written
from projections.facts import FactQuery, FactRow
from tests.support.folding import rows
from tests.support.oracle import Told
from tests.support.projector import caught_up, projector
from tests.support.told import Place, forty_days, make_campaigns, tell

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Shop:
    """Facts of two workspaces, and the log that takes more."""

    url: str
    places: list[Place]
    accepted: list[Told]
    reads: PostgresReads
    log: PostgresFactLog


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(database_url: str) -> AsyncIterator[Shop]:
    """Three hundred facts and their voids, folded."""
    places = make_campaigns(database_url, [["USD", "USD"], ["JPY"]])
    told = forty_days(5, places, 300)
    log, pool = PostgresFactLog(database_url), Pool(database_url)
    await log.open()
    await pool.open()
    with projector(database_url):
        await tell(log, places, told)
        caught_up(database_url)
    stored = {(workspace, id) for workspace, id in rows(database_url, "select workspace, id from ballyhoo.facts")}
    accepted = []
    for fact in told:
        if (fact.workspace, fact.id) in stored:
            stored.remove((fact.workspace, fact.id))
            accepted.append(fact)
    epoch = rows(database_url, "select epoch from ballyhoo.epochs")[0][0]
    yield Shop(database_url, places, accepted, PostgresReads(pool, lambda: epoch), log)
    await log.close()
    await pool.close()


async def every_page(reads: PostgresReads, workspace: int, query: FactQuery) -> list[FactRow]:
    """All rows, three hundred pages at most."""
    found: list[FactRow] = []
    for _ in range(300):
        page = (await reads.facts(workspace, query)).value
        found += page.items
        if not page.more:
            return found
        query = replace(query, after=page.items[-1].place)
    raise AssertionError("the pages do not end")


@pytest.mark.req("ANA-1")
async def test_every_filter_finds_what_was_told(shop: Shop) -> None:
    rng = random.Random(7)
    for _ in range(30):
        place = rng.choice(shop.places)
        begin = datetime(2026, 10, 5, tzinfo=UTC) + timedelta(hours=rng.randrange(400))
        asked: dict[str, Any] = rng.choice(
            [
                {"campaign": place.id},
                {"campaign": place.id, "kind": rng.choice(["click", "void", "custom"])},
                {"campaign": place.id, "starts": begin, "ends": begin + timedelta(days=9)},
                {"contact": f"contact-{rng.randrange(30)}"},
                {"contact": f"contact-{rng.randrange(30)}", "campaign": place.id, "kind": "open"},
                {"starts": begin},
                {},
            ]
        )
        wanted = {
            fact.id for fact in shop.accepted
            if fact.workspace == place.workspace
            and fact.campaign == str(asked.get("campaign", fact.campaign))
            and fact.contact == asked.get("contact", fact.contact)
            and fact.kind == asked.get("kind", fact.kind)
            and asked.get("starts", fact.occurred_at) <= fact.occurred_at
            and ("ends" not in asked or fact.occurred_at < asked["ends"])
        }  # fmt: skip

        found = await every_page(shop.reads, place.workspace, FactQuery(**asked, limit=rng.choice([1, 7, 200])))

        assert [row.item.id for row in found] == list(dict.fromkeys(row.item.id for row in found))
        assert {row.item.id for row in found} == wanted
        order = [row.place if "campaign" in asked else row.place[1] for row in found]
        assert order == sorted(order, reverse=True)


@pytest.mark.req("ANA-1")
async def test_a_fact_is_given_back_as_it_was_told(shop: Shop) -> None:
    place = shop.places[0]
    found = {
        row.item.id: row.item for row in await every_page(shop.reads, place.workspace, FactQuery(campaign=place.id))
    }

    voided = {fact.voids for fact in shop.accepted if fact.campaign == str(place.id)}
    for fact in shop.accepted:
        if fact.campaign == str(place.id):
            item = found[fact.id]
            assert (item.kind, item.name, item.type) == (fact.kind, fact.name, fact.type)
            assert (item.contact_id, item.quantity, item.order_id) == (fact.contact, fact.quantity, fact.order)
            assert (item.occurred_at, item.campaign_id) == (written(fact.occurred_at), str(place.id))
            labels = (item.variant, item.platform, item.segment, item.device, item.country, item.link)
            assert labels == fact.labels
            assert item.voided is (fact.kind != "void" and fact.id in voided)
            assert item.properties == (None if fact.agent is None else {"user_agent": fact.agent, "n": 1})
            if fact.amount is None:
                assert item.value is None
            elif fact.kind == "spend" and fact.amount % 10_000:
                assert item.value == {"amount_micros": fact.amount, "currency": "USD"}
            else:
                amount = fact.amount // 10_000 if fact.kind == "spend" else fact.amount
                assert item.value == {"amount": amount, "currency": "USD"}


@pytest.mark.req("ANA-1")
async def test_pages_stay_complete_while_facts_come_in(shop: Shop) -> None:
    place = shop.places[0]
    query = FactQuery(campaign=place.id, limit=20)
    before = {row.item.id for row in await every_page(shop.reads, place.workspace, query)}

    seen: list[str] = []
    while True:
        page = (await shop.reads.facts(place.workspace, query)).value
        seen += [row.item.id for row in page.items]
        if not page.more:
            break
        middle = page.items[-1].place[0] + timedelta(seconds=1)
        late = Told(place.workspace, str(place.id), str(uuid4()), "click", middle)
        await tell(shop.log, shop.places, [late, replace(late, id=str(uuid4()), occurred_at=datetime.now(UTC))])
        query = replace(query, after=page.items[-1].place)

    assert len(seen) == len(set(seen))
    assert before <= set(seen)


@pytest.mark.req("ANA-1")
async def test_an_erased_contact_is_nobody(shop: Shop) -> None:
    place = shop.places[2]
    fact = Told(place.workspace, str(place.id), "of-somebody", "click", datetime.now(UTC), contact="somebody")
    await tell(shop.log, shop.places, [fact])
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute("delete from ballyhoo.contact_ids where external = 'somebody'")

    page = (await shop.reads.facts(place.workspace, FactQuery(campaign=place.id, kind="click", limit=1))).value
    assert [(row.item.id, row.item.contact_id) for row in page.items] == [("of-somebody", None)]
    assert (await shop.reads.facts(place.workspace, FactQuery(contact="somebody"))).value.items == []


@pytest.mark.req("ANA-1")
async def test_what_is_not_there_is_refused_by_name(shop: Shop) -> None:
    mine, foreign = shop.places[0], shop.places[2]
    with pytest.raises(NotFound):
        await shop.reads.facts(mine.workspace, FactQuery(campaign=foreign.id))
    with pytest.raises(Invalid) as refused:
        await shop.reads.facts(mine.workspace, FactQuery(kind="clack"))
    assert [fault.pointer for fault in refused.value.faults] == ["/kind"]


@pytest.mark.req("TEA-1")
async def test_no_question_is_answered_across_workspaces(shop: Shop) -> None:
    mine, foreign = shop.places[0], shop.places[2]
    reads = shop.reads
    for question in (
        reads.metrics(mine.workspace, foreign.id),
        reads.metrics(mine.workspace, foreign.id, group_by=("day", "variant")),
        reads.funnel(mine.workspace, foreign.id, ("open", "click")),
        reads.roi(mine.workspace, foreign.id),
        reads.metrics(mine.workspace, uuid4()),
    ):
        with pytest.raises(NotFound):
            await question
