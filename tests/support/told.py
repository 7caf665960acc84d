"""Facts for the read models: told at random from a seed, and brought into the log like a client's."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

from adapters.engagement_log.log import PostgresFactLog
from adapters.event_store.codec import Codec
from domain.campaign.campaign import Campaign
from domain.campaign.events import CampaignDrafted
from domain.catalogue import EVENTS
from domain.engagement import kinds
from domain.engagement.fact import Fact
from tests.examples.campaigns import NOON, minimal
from tests.support.oracle import Told

PEOPLE = ("Mozilla/5.0 (X11; Linux x86_64)", "AppleMail/16.0")
ROBOTS = ("Googlebot/2.1 (+http://www.google.com/bot.html)", "via ggpht.com GoogleImageProxy", "CURL/8.5.0")
LONG_LINK = "https://shop.example/" + "é" * 2000


@dataclass(frozen=True)
class Place:
    """A campaign that facts are told of: its numbers inside and its id outside."""

    workspace: int
    stream: int
    id: UUID
    currency: str = "USD"


def clicks(place: Place, count: int) -> list[Told]:
    """So many clicks of as many people."""
    one = Told(place.workspace, str(place.id), "", "click", NOON)
    return [replace(one, id=str(uuid4()), contact=f"contact-{number}") for number in range(count)]


_WORKSPACE = "insert into ballyhoo.workspaces (id, name) values (%s, %s) returning number"
_STREAM = """
insert into ballyhoo.streams (workspace, id, kind, version, currency) values (%s, %s, 'campaign', 1, %s)
returning stream
"""
_EVENT = """
with moved as (
  update ballyhoo.log_heads set position = position + 1, recorded_at = clock_timestamp() where log = 'events'
  returning position, recorded_at
)
insert into ballyhoo.events (position, recorded_at, occurred_at, event_id, workspace, stream, version, part, topic,
    actor, correlation, state)
select position, recorded_at, recorded_at, %s, %s, %s, 1, 0, %s, 'alice', 'told', %s from moved
"""


def make_campaigns(url: str, currencies: Sequence[Sequence[str]]) -> list[Place]:
    """A workspace for each entry, with a draft in each of its currencies."""
    codec, places = Codec(EVENTS), []
    with psycopg.connect(url, autocommit=True) as connection:
        for campaigns in currencies:
            workspace = _number(connection, _WORKSPACE, uuid4(), str(uuid4()))
            for currency in campaigns:
                id = uuid4()
                draft = Campaign.draft(minimal() | {"currency": currency}, id=id, by="alice", at=NOON)
                event = draft.collect_events()[0]
                assert isinstance(event, CampaignDrafted)
                stream = _number(connection, _STREAM, workspace, id, currency)
                connection.execute(_EVENT, (uuid4(), workspace, stream, event.TOPIC, codec.encode(event)))
                places.append(Place(workspace, stream, id, currency))
    return places


def _number(connection: psycopg.Connection[Any], statement: str, *parameters: object) -> int:
    row = connection.execute(statement.encode(), parameters).fetchone()
    assert row is not None
    return int(row[0])


async def tell(log: PostgresFactLog, places: Sequence[Place], told: Sequence[Told], batch: int = 1000) -> int:
    """Append facts in their order, one workspace at a time as requests are; gives the head of the log after it.

    A group of one request takes a position for each of its facts, so the n-th fact told has position n of an
    empty log.
    """
    streams = {str(place.id): place.stream for place in places}
    head = 0
    start = 0
    while start < len(told):
        end = start
        while end < min(start + batch, len(told)) and told[end].workspace == told[start].workspace:
            end += 1
        recorded = await log.record(told[start].workspace, [_fact(fact, streams) for fact in told[start:end]])
        assert not recorded.refused, recorded.refused
        head = recorded.position.engagement
        start = end
    return head


def _fact(told: Told, streams: dict[str, int]) -> Fact:
    return Fact(
        id=told.id,
        kind=kinds.KINDS[told.kind],
        campaign=streams[told.campaign],
        occurred_at=told.occurred_at,
        contact=told.contact,
        labels=None if told.labels == (None,) * 6 else told.labels,  # type: ignore[arg-type]
        quantity=told.quantity,
        amount=told.amount,
        type=kinds.CONVERSION_TYPES[told.type],
        order_id=told.order,
        name=told.name,
        voids=told.voids,
        properties=None if told.agent is None else json.dumps({"user_agent": told.agent, "n": 1}).encode(),
    )


def forty_days(seed: int, places: Sequence[Place], count: int) -> list[Told]:
    """Facts of all kinds over forty days around a change to winter time, with voids that come before, after and
    twice, for other campaigns and of voids; late and repeated ones; sums and contacts; people and robots."""
    rng = random.Random(seed)
    begin = datetime(2026, 10, 1, 3, 17, tzinfo=UTC)
    told: list[Told] = []
    for number in range(count):
        place = rng.choices(places, weights=[2**-index for index in range(len(places))])[0]
        told.append(_one(rng, place, number, begin))
    for number in range(count // 12):
        target = rng.choice(told)
        elsewhere = rng.random() < 0.1
        other = rng.choice(places)
        told.append(
            Told(
                workspace=other.workspace if elsewhere else target.workspace,
                campaign=str(other.id) if elsewhere else target.campaign,
                id=f"void-{number}",
                kind="void",
                occurred_at=begin + timedelta(days=40 * rng.random()),
                contact=rng.choice([None, f"contact-{rng.randrange(count // 10)}"]),
                voids=target.id,
            )
        )
    told += [replace(rng.choice(told), occurred_at=begin) for _ in range(count // 5)]
    told += [replace(rng.choice(told)) for _ in range(count)]
    rng.shuffle(told)
    return told


def _one(rng: random.Random, place: Place, number: int, begin: datetime) -> Told:
    kind = rng.choice(
        ["exposure", "sent", "delivery", "delivery", "bounce", "complaint", "unsubscribe", "impression", "impression",
         "open", "open", "click", "click", "conversion", "refund", "spend", "custom", "custom"]
    )  # fmt: skip
    contact = f"contact-{rng.randrange(max(number // 10, 20))}" if rng.random() < 0.8 else None
    priced = kind in ("conversion", "refund", "spend")
    agents = (None, *PEOPLE, *ROBOTS)
    return Told(
        workspace=place.workspace,
        campaign=str(place.id),
        id=f"fact-{number}",
        kind=kind,
        occurred_at=begin + timedelta(days=40 * rng.random() ** 2),
        contact=contact,
        labels=(
            rng.choice(["mens", "womens", None]),
            rng.choice(["email", "instagram"]),
            rng.choice([None, "new"]),
            rng.choice([None, "phone", "desktop"]),
            rng.choice(["FR", "NP"]),
            rng.choice([None, LONG_LINK, "https://shop.example/b"]) if kind == "click" else None,
        ) if rng.random() < 0.9 else (None,) * 6,
        quantity=rng.choice([1, 1, 7, 1000]) if contact is None else 1,
        amount=rng.choice([0, 1, 1999, 10**9]) if priced else None,
        type=rng.choice([None, "purchase", "subscription", "click", "engagement"]) if kind == "conversion" else None,
        name=rng.choice(["search", "basket.opened"]) if kind == "custom" else None,
        order=rng.choice([None, f"order-{rng.randrange(200)}"]) if kind == "conversion" else None,
        agent=rng.choice(agents) if rng.random() < 0.4 else None,
    )  # fmt: skip
