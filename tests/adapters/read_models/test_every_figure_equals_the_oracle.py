"""Forty days of facts of all kinds, doubled, shuffled, voided, late: every row and every answer is the oracle's."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from adapters.engagement_log.log import PostgresFactLog
from adapters.postgres.pool import Pool
from adapters.read_models import projecting
from adapters.read_models.reader import PostgresReads
from application.ports import Position
from domain.engagement import kinds
from domain.shared.errors import NotFound
from tests.support.likeness import differences, plain
from tests.support.oracle import DIMENSIONS, Oracle, Told
from tests.support.projector import caught_up, projector
from tests.support.told import Place, forty_days, make_campaigns, tell

SEED = 20261121
COUNT = 1500


@dataclass
class World:
    """What was told, where, and how to ask about it."""

    url: str
    places: list[Place]
    told: list[Told]
    words: list[str]
    reads: PostgresReads
    position: Position

    def oracle(self, place: Place, until: int | None = None) -> Oracle:
        """The oracle over what was told, or over the first ``until`` facts."""
        told = self.told[:until] if until is not None else self.told
        return Oracle(told, place.workspace, str(place.id), currency=place.currency, words=self.words)


@pytest.fixture(scope="module", params=[(7, 64), (500, 20_000)], ids=["in small batches", "in large batches"])
def sizes(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """How many positions a batch holds, at first and at most."""
    smallest, largest = projecting.SMALLEST, projecting.LARGEST
    projecting.SMALLEST, projecting.LARGEST = request.param
    yield request.param
    projecting.SMALLEST, projecting.LARGEST = smallest, largest


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(server: Any, sizes: tuple[int, int]) -> AsyncIterator[World]:
    """Three workspaces whose facts were told while a projector was at work."""
    name = server.clone()
    url = server.database(name)
    places = make_campaigns(url, [["USD", "USD"], ["JPY"], ["KWD", "EUR"]])
    told = forty_days(SEED, places, COUNT)
    log, pool = PostgresFactLog(url), Pool(url)
    await log.open()
    await pool.open()
    with projector(url):
        await tell(log, places, told, batch=sizes[0] * 3)
        caught_up(url, 120)
    with psycopg.connect(url) as connection:
        row = connection.execute("select epoch, (select words from ballyhoo.bot_rules where live) from ballyhoo.epochs")
        epoch, words = row.fetchone() or (None, None)
    yield World(url, places, told, words, PostgresReads(pool, lambda: epoch), Position(epoch, len(places), len(told)))
    await log.close()
    await pool.close()
    server.drop(name)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.req("ANA-1", "ANA-2")
async def test_every_answer_of_metrics_is_exact(world: World) -> None:
    groupings: list[tuple[str, ...]] = [(), *((name,) for name in DIMENSIONS), ("variant", "platform"),
        ("platform", "device", "country", "variant"), ("link", "segment")]  # fmt: skip
    for place in world.places:
        oracle = world.oracle(place)
        for group_by in groupings:
            read = await world.reads.metrics(place.workspace, place.id, group_by=group_by)

            assert read.position.engagement == len(world.told)
            answer = plain(read.value)
            assert answer.pop("computed") is (len(group_by) > 1)
            assert differences(answer, oracle.metrics(group_by)) == []


@pytest.mark.req("ANA-1", "ANA-2", "ANA-3")
async def test_what_many_ask_at_once_is_answered_to_each_and_to_nobody_else(world: World) -> None:
    groupings: list[tuple[str, ...]] = [(), *((name,) for name in DIMENSIONS)]
    asked = [(place, group_by) for place in world.places for group_by in groupings] * 3
    random.Random(SEED).shuffle(asked)
    pairs = [(other, place) for place in world.places for other in world.places]
    strangers = [(other, place) for other, place in pairs if other.workspace != place.workspace]
    answers, returns, refusals = await asyncio.gather(
        asyncio.gather(*(world.reads.metrics(place.workspace, place.id, group_by=by) for place, by in asked)),
        asyncio.gather(*(world.reads.roi(place.workspace, place.id) for place in world.places)),
        asyncio.gather(
            *(world.reads.metrics(other.workspace, place.id) for other, place in strangers),
            *(world.reads.roi(other.workspace, place.id) for other, place in strangers),
            return_exceptions=True,
        ),
    )

    for (place, group_by), read in zip(asked, answers, strict=True):
        answer = plain(read.value)
        assert answer.pop("computed") is False
        assert differences(answer, world.oracle(place).metrics(group_by)) == []
    for place, found in zip(world.places, returns, strict=True):
        assert differences(plain(found.value), world.oracle(place).roi()) == []
    assert {type(refusal) for refusal in refusals} == {NotFound}


@pytest.mark.req("ANA-2", "ANA-9")
@pytest.mark.parametrize(
    "zone", ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Paris", "America/St_Johns", "Australia/Lord_Howe"]
)
async def test_hours_and_days_are_those_of_the_place(world: World, zone: str) -> None:
    place = world.places[0]
    oracle = world.oracle(place)
    for group_by in (("day",), ("hour",), ("day", "variant"), ("platform", "hour"), ("hour", "day")):
        read = await world.reads.metrics(place.workspace, place.id, group_by=group_by, time_zone=zone)

        answer = plain(read.value)
        assert answer.pop("computed") is True
        assert differences(answer, oracle.metrics(group_by, zone=zone)) == []


@pytest.mark.req("ANA-2")
async def test_a_window_may_cut_anything(world: World) -> None:
    rng = random.Random(SEED)
    begin = datetime(2026, 9, 30, tzinfo=UTC)
    for _ in range(40):
        place = rng.choice(world.places)
        first = begin + timedelta(seconds=rng.randrange(45 * 86400), microseconds=rng.randrange(10**6))
        last = first + timedelta(seconds=rng.choice([1, 600, 900, 5000, 86400, 10**6]))
        even = first.replace(minute=15, second=0, microsecond=0)
        starts, ends = rng.choice([(first, last), (first, last), (first, None), (None, last), (even, None)])
        group_by = rng.choice(
            [(), ("variant",), ("device", "variant"), ("day",), ("hour",), ("day", "platform"), ("link",)]
        )
        zone = rng.choice(["UTC", "Asia/Kathmandu", "Europe/Paris"])

        read = await world.reads.metrics(
            place.workspace, place.id, group_by=group_by, starts=starts, ends=ends, time_zone=zone
        )

        answer = plain(read.value)
        assert answer.pop("computed") is True
        assert differences(answer, world.oracle(place).metrics(group_by, starts, ends, zone)) == []


@pytest.mark.req("ANA-4")
@pytest.mark.parametrize(
    "stages",
    [
        ("impression", "click", "conversion"),
        ("sent", "delivery", "open", "click", "conversion", "refund"),
        ("search", "click"),
        ("open", "search", "basket.opened", "conversion"),
        ("basket.opened", "search"),
        ("exposure",),
        ("spend", "unsubscribe", "complaint", "bounce"),
    ],
)
async def test_every_funnel_is_exact(world: World, stages: tuple[str, ...]) -> None:
    for place in world.places:
        for by in ("contact", "count"):
            read = await world.reads.funnel(place.workspace, place.id, stages, by=by)

            assert differences(plain(read.value)["stages"], world.oracle(place).funnel(stages, by)) == []


@pytest.mark.req("ANA-3")
async def test_the_return_on_investment_is_exact(world: World) -> None:
    for place in world.places:
        read = await world.reads.roi(place.workspace, place.id)

        assert differences(plain(read.value), world.oracle(place).roi()) == []


@pytest.mark.req("EVT-5")
async def test_every_past_moment_is_answered_as_it_was_known(world: World) -> None:
    rng = random.Random(SEED + 1)
    for _ in range(12):
        place = rng.choice(world.places)
        until = rng.randrange(len(world.told) + 1)
        at = Position(world.position.epoch, world.position.events, until)
        oracle = world.oracle(place, until)
        group_by = rng.choice([(), ("variant",), ("device", "variant"), ("day",)])

        metrics = await world.reads.metrics(place.workspace, place.id, group_by=group_by, as_of=at)
        roi = await world.reads.roi(place.workspace, place.id, as_of=at)
        funnel = await world.reads.funnel(place.workspace, place.id, ("impression", "click"), as_of=at)

        assert metrics.position == at
        answer = plain(metrics.value)
        answer.pop("computed")
        assert differences(answer, oracle.metrics(group_by)) == []
        assert differences(plain(roi.value), oracle.roi()) == []
        assert differences(plain(funnel.value)["stages"], oracle.funnel(("impression", "click"))) == []


@pytest.mark.req("EVT-3", "ANA-1")
async def test_every_row_of_every_table_is_exact(world: World) -> None:
    with psycopg.connect(world.url) as connection:
        connection.execute("set search_path to campaign_metrics_v1, ballyhoo")
        named = connection.execute("select workspace, name, kind from custom_kinds").fetchall()
        names = {(workspace, name): kind for workspace, name, kind in named}
        for place in world.places:
            oracle = world.oracle(place)
            for table, expected in _tables(oracle, names).items():
                rows = connection.execute(_ROWS[table], {"campaign": place.stream}).fetchall()
                assert Counter(rows) == Counter(expected), table


_OF_SETS = """
select $key l.variant, l.platform, l.segment, l.device, l.country, l.link, t.kind, t.type, t.n::int, t.amount::bigint
  from $table t left join label_sets l on l.id = t.labels where t.campaign = %(campaign)s
"""
_ROWS = {
    "totals": _OF_SETS.replace("$table", "totals").replace("$key", ""),
    "days": _OF_SETS.replace("$table", "days").replace("$key", "day,"),
    "cells": _OF_SETS.replace("$table", "cells").replace("$key", "bucket at time zone 'UTC',"),
    "series": """
select bucket at time zone 'UTC', kind, type, n::int, amount::bigint from series where campaign = %(campaign)s""",
    "contacts": """
select i.external, exposure, sent, delivery, bounce, complaint, unsubscribe, impression, open, click, conversion,
    refund, spend, cardinality(reached), cardinality(opened), cardinality(clicked), cardinality(converted)
  from contacts c join contact_ids i using (contact) where campaign = %(campaign)s""",
    "firsts": """
select i.external, k.name, occurred_at
  from firsts f join contact_ids i using (contact) join custom_kinds k using (kind) where campaign = %(campaign)s""",
    "uniques": "select dimension, value, reach, opens, clicks, conversions from uniques where campaign = %(campaign)s",
}


def _tables(oracle: Oracle, names: dict[tuple[int, str], int]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that the tables must have; ``names`` has the numbers of custom names."""
    n: dict[str, Counter[tuple[Any, ...]]] = {name: Counter() for name in ("totals", "series", "days", "cells")}
    amount: dict[str, Counter[tuple[Any, ...]]] = {name: Counter() for name in n}
    for fact, sign in [(fact, 1) for fact in oracle.facts] + [(fact, -1) for fact in oracle.bots]:
        kind = names[fact.workspace, fact.name] if fact.name else sign * kinds.KINDS[fact.kind]
        what = (kind, kinds.CONVERSION_TYPES[fact.type])
        bucket = fact.occurred_at.replace(
            minute=fact.occurred_at.minute // 15 * 15, second=0, microsecond=0, tzinfo=None
        )
        for table, key in {
            "totals": (*fact.labels, *what), "series": (bucket, *what), "days": (bucket.date(), *fact.labels, *what),
            "cells": (bucket, *fact.labels, *what),
        }.items():  # fmt: skip
            n[table][key] += fact.quantity
            amount[table][key] += fact.amount or 0
    rows = {table: [(*key, count, amount[table][key]) for key, count in n[table].items()] for table in n}
    return rows | {"contacts": _contacts(oracle), "firsts": _firsts(oracle), "uniques": _uniques(oracle)}


_MEASURES = (("impression", "delivery"), ("open",), ("click",), ("conversion",))


def _contacts(oracle: Oracle) -> list[tuple[Any, ...]]:
    rows = []
    plain_kinds = [name for name in kinds.KINDS if name not in ("custom", "void")]
    for contact in {fact.contact for fact in oracle.facts if fact.contact and fact.kind != "custom"}:
        mine = [fact for fact in oracle.facts if fact.contact == contact]
        firsts = [min((fact.occurred_at for fact in mine if fact.kind == kind), default=None) for kind in plain_kinds]
        sets = [len({fact.labels for fact in mine if fact.kind in measure}) or None for measure in _MEASURES]
        rows.append((contact, *firsts, *sets))
    return rows


def _firsts(oracle: Oracle) -> list[tuple[Any, ...]]:
    firsts: dict[tuple[Any, ...], datetime] = {}
    for fact in oracle.facts:
        if fact.kind == "custom" and fact.contact is not None:
            key = (fact.contact, fact.name)
            firsts[key] = min(firsts.get(key, fact.occurred_at), fact.occurred_at)
    return [(*key, at) for key, at in firsts.items()]


def _uniques(oracle: Oracle) -> list[tuple[Any, ...]]:
    seen: dict[tuple[Any, ...], list[set[str]]] = {}
    for fact in oracle.facts:
        for place, measure in enumerate(_MEASURES):
            if fact.kind in measure and fact.contact is not None:
                for key in [(0, None), *enumerate(fact.labels, start=1)]:
                    seen.setdefault(key, [set(), set(), set(), set()])[place].add(fact.contact)
    return [(*key, *map(len, sets)) for key, sets in seen.items()]
