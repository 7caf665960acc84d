"""What happens to facts when the connection, the reply or the database is lost, or refuses one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from adapters.engagement_log.log import PostgresFactLog
from application.ports import Unavailable
from domain.engagement.fact import Fact
from domain.engagement.kinds import CLICK, CONVERSION
from tests.adapters.engagement_log.conftest import Opens, World
from tests.adapters.engagement_log.cutting import Cutting, cutting


@pytest.fixture
async def network(world: World) -> AsyncIterator[Cutting]:
    """The network to the database of this module."""
    async with cutting(world.url) as network:
        yield network


@pytest.fixture
async def log(network: Cutting, open_log: Opens) -> PostgresFactLog:
    """A log of facts at the other end of it."""
    opened: PostgresFactLog = await open_log(network.url)
    return opened


@contextmanager
def nobody_appends(world: World) -> Iterator[None]:
    """Hold the lock that every append takes."""
    with psycopg.connect(world.url) as connection:
        connection.execute("select pg_advisory_xact_lock(7003)")
        yield


class Shop:
    """A workspace with a campaign, and facts of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.number = world.workspace()
        self.campaign_id, self.campaign = world.campaign(self.number)

    def sale(self, id: str, order: str, contact: str | None = "c") -> Fact:
        """A sale."""
        return Fact(id, CONVERSION, self.campaign, contact=contact, amount=1, order_id=order)

    def click(self, id: str) -> Fact:
        """A click."""
        return Fact(id, CLICK, self.campaign)

    @property
    def ids(self) -> list[str]:
        """What the log has."""
        return [row["id"] for row in self.world.facts(self.number)]


@pytest.fixture
def shop(world: World) -> Shop:
    """A new one."""
    return Shop(world)


async def test_a_group_whose_reply_was_lost_is_answered_as_if_it_had_come(
    shop: Shop, network: Cutting, log: PostgresFactLog
) -> None:
    await log.record(shop.number, [shop.sale("old", "o-old")])
    network.lose_replies = True
    facts = [shop.sale("a", "o-a"), shop.sale("old", "o-new"), shop.sale("b", "o-old"), shop.sale("c", "o-c")]

    recorded = await log.record(shop.number, facts)

    assert network.cuts == 1
    assert set(recorded.duplicates) == {1, 2}
    assert shop.ids == ["old", "a", "c"]
    assert recorded.position.engagement >= max(row["position"] for row in shop.world.facts(shop.number))


async def test_a_group_that_never_arrived_is_sent_again(shop: Shop, network: Cutting, log: PostgresFactLog) -> None:
    await log.record(shop.number, [shop.click("old")])
    network.cut()

    recorded = await log.record(shop.number, [shop.click("a"), shop.click("b")])

    assert not recorded.duplicates
    assert shop.ids == ["old", "a", "b"]


async def test_a_group_that_arrives_after_its_repetition_changes_nothing(
    shop: Shop, network: Cutting, log: PostgresFactLog
) -> None:
    await log.record(shop.number, [shop.click("old")])
    network.hold_requests = True
    recorded = await log.record(shop.number, [shop.click("a"), shop.sale("b", "o-b")])
    before = shop.world.rows("select position from ballyhoo.log_heads where log = 'engagement'")

    network.release()
    await asyncio.sleep(0.2)

    assert network.cuts == 1
    assert not recorded.duplicates
    assert shop.ids == ["old", "a", "b"]
    assert shop.world.rows("select position from ballyhoo.log_heads where log = 'engagement'") == before


async def test_a_group_that_was_given_up_is_refused_when_it_arrives_late(
    shop: Shop, network: Cutting, log: PostgresFactLog
) -> None:
    await log.record(shop.number, [shop.click("old")])
    network.hold_requests = True
    await log.record(shop.number, [shop.click("a")])
    await log.record(shop.number, [shop.click("b")])

    network.release()
    await asyncio.sleep(0.2)

    assert shop.ids == ["old", "a", "b"]


async def test_a_contact_that_another_process_named_first_is_learnt_from_a_lost_reply_too(
    shop: Shop, network: Cutting, log: PostgresFactLog, open_log: Opens
) -> None:
    await log.record(shop.number, [shop.sale("old", "o-old", "other")])
    await (await open_log(shop.world.url)).record(shop.number, [shop.sale("theirs", "o-1", "jane")])
    network.lose_replies = True

    await log.record(shop.number, [shop.sale("mine", "o-2", "jane")])
    await log.record(shop.number, [shop.sale("again", "o-3", "jane")])

    known = {row["id"]: row["contact"] for row in shop.world.facts(shop.number)}
    assert known["theirs"] == known["mine"] == known["again"] != known["old"]


async def test_while_the_database_is_away_the_log_is_unavailable_at_once_and_heals_by_itself(
    shop: Shop, network: Cutting, log: PostgresFactLog
) -> None:
    await log.record(shop.number, [shop.click("old")])
    network.down = True
    network.cut()
    started = time.monotonic()

    for ask in (log.record(shop.number, [shop.click("a")]), log.campaigns(shop.number, [shop.campaign_id])):
        with pytest.raises(Unavailable):
            await ask
    waited = time.monotonic() - started
    network.down = False

    async with asyncio.timeout(2):
        while True:
            try:
                await log.record(shop.number, [shop.click("b")])
                break
            except Unavailable:
                continue
    assert waited < 2.5
    assert shop.ids == ["old", "b"]


async def test_a_database_that_does_not_answer_is_not_waited_for(
    shop: Shop, network: Cutting, world: World, open_log: Opens
) -> None:
    log = await open_log(network.url, timeout=0.3)
    await log.record(shop.number, [shop.click("old")])

    with nobody_appends(world):
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await log.record(shop.number, [shop.click("a")])
        waited = time.monotonic() - started
    recorded = await log.record(shop.number, [shop.click("a"), shop.click("b")])

    assert waited < 3
    assert set(shop.ids) == {"old", "a", "b"}
    assert len(recorded.duplicates) <= 1


def test_a_log_that_opens_before_its_database_is_there_connects_later(world: World, shop: Shop) -> None:
    async def run() -> None:
        async with cutting(world.url) as network:
            network.down = True
            log = PostgresFactLog(network.url)
            await log.open()
            with pytest.raises(Unavailable):
                await log.record(shop.number, [])
            network.down = False
            await asyncio.sleep(0.6)
            await log.record(shop.number, [shop.click("a")])
            await log.close()

    asyncio.run(run())

    assert shop.ids == ["a"]


async def test_one_fact_that_the_database_refuses_does_not_take_others_with_it(
    fresh_world: World, open_log: Opens
) -> None:
    fresh_world.rows("""
        create function ballyhoo.refuse_bad() returns trigger language plpgsql as $$
        begin
          if new.id like 'bad%' then raise exception 'bad' using errcode = 'data_exception'; end if;
          return new;
        end $$""")
    fresh_world.rows(
        "create trigger refuse_bad before insert on ballyhoo.facts for each row execute function ballyhoo.refuse_bad()"
    )
    log = await open_log(fresh_world.url)
    shops = [Shop(fresh_world), Shop(fresh_world)]

    def ids(number: int) -> list[str]:
        return [f"{'bad' if (n * 7 + number) % 11 == 0 else 'good'}-{number}-{n}" for n in range(40)]

    results = await asyncio.gather(
        *(log.record(shop.number, [shop.click(id) for id in ids(number)]) for number, shop in enumerate(shops))
    )
    single = await log.record(shops[0].number, [shops[0].click("bad-alone")])

    for number, (shop, recorded) in enumerate(zip(shops, results, strict=True)):
        bad = [index for index, id in enumerate(ids(number)) if id.startswith("bad")]
        assert sorted(recorded.refused) == bad
        assert {fault.code for fault in recorded.refused.values()} == {"not_storable"}
        assert shop.ids == [id for id in ids(number) if id.startswith("good")]
        assert recorded.position.engagement >= max(row["position"] for row in fresh_world.facts(shop.number))
    assert set(single.refused) == {0}
