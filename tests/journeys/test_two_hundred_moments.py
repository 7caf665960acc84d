"""Two hundred random moments of a workspace that lived through commands and facts of all kinds: the state of a
campaign, its metrics, funnel and return on investment are what an oracle makes of what was recorded until then."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.journeys.conftest import Whole
from tests.model.oracle import MOVES, Campaign
from tests.support.campaigns import a_document, in_
from tests.support.client import Client
from tests.support.likeness import differences
from tests.support.oracle import DIMENSIONS, Oracle, Told
from tests.support.told import LONG_LINK, Place, forty_days

SEED = 200_000
MOMENTS = 200
FACTS = 250
CURRENCIES = ("USD", "USD", "JPY", "KWD")
AT_ONCE = 4
_GROUPINGS: tuple[tuple[str, ...], ...] = ((), ("variant",), ("device", "variant"), ("day",), ("link",))
_FUNNELS = (("impression", "click", "conversion"), ("sent", "delivery", "open"), ("search", "click"))


@dataclass
class Moment:
    """After one more command or batch: its token, a time before the next one, and how much there was."""

    token: str
    time: str
    facts: int
    versions: dict[str, int]


@dataclass
class Story:
    """What was done and told, in its order, by one client."""

    client: Client
    campaigns: dict[str, list[Campaign]] = field(default_factory=dict)
    currencies: dict[str, str] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    def draft(self, currency: str) -> None:
        """One more campaign."""
        settings = {"name": f"In {currency}", "tags": [], "platforms": ["email"], "type": "promotion", "goals": {}}
        budget = {"amount": 1000, "currency": currency}
        answer = self.client.post("/v1/campaigns", a_document(currency=currency, budget=budget, **settings)).ok(201)
        self.campaigns[answer.body["id"]] = [Campaign(settings)]
        self.currencies[answer.body["id"]] = currency
        self._remember(answer.position)

    def command(self, choose: random.Random) -> None:
        """A move or a change that is accepted."""
        id = choose.choice(sorted(self.campaigns))
        now = self.campaigns[id][-1]
        move = choose.choice([move for move in MOVES if now.moved(move)])
        patch = {"tags": [f"tag-{len(self.moments)}"]}
        if choose.random() < 0.5 and (changed := now.changed(patch)) is not None:
            self.campaigns[id].append(changed)
            answer = self.client.patch(f"/v1/campaigns/{id}", patch)
        else:
            moved = now.moved(move)
            assert moved is not None
            self.campaigns[id].append(moved)
            body = {"starts_at": in_(days=1)} if move == "schedule" else None
            method, path = ("DELETE", "") if move == "delete" else ("POST", f"/{move}")
            answer = self.client.call(method, f"/v1/campaigns/{id}{path}", body)
        self._remember(answer.ok().position)

    def tell(self, facts: Sequence[Told]) -> None:
        """A batch."""
        if facts:
            self.told += facts
            answer = self.client.track(*[_written(fact, self.currencies[fact.campaign]) for fact in facts])
            self._remember(answer.body["position"])

    def _remember(self, token: str) -> None:
        versions = {id: len(states) for id, states in self.campaigns.items()}
        self.moments.append(Moment(token, datetime.now(UTC).isoformat(), len(self.told), versions))


def _written(fact: Told, currency: str) -> dict[str, Any]:
    """A fact as a client writes it."""
    amount = "amount_micros" if fact.kind == "spend" else "amount"
    said = {
        "id": fact.id, "kind": fact.kind, "campaign_id": fact.campaign, "occurred_at": fact.occurred_at.isoformat(),
        "contact_id": fact.contact, "quantity": None if fact.quantity == 1 else fact.quantity, "type": fact.type,
        "name": fact.name, "order_id": fact.order, "voids": fact.voids,
        "value": None if fact.amount is None else {amount: fact.amount, "currency": currency},
        "properties": None if fact.agent is None else {"user_agent": fact.agent},
        **dict(zip(DIMENSIONS, fact.labels, strict=True)),
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


@pytest.fixture(scope="module")
def story(whole: Whole) -> Story:
    """Four campaigns, the later ones begun when the first had facts already."""
    print(f"seed {SEED}")
    choose = random.Random(SEED)
    lived = Story(whole.client())
    places = [Place(1, number, UUID(int=number), currency) for number, currency in enumerate(CURRENCIES)]
    waiting = [_lately(fact) for fact in forty_days(SEED, places, FACTS)]
    begins = {len(waiting) * number // len(places) // 2: currency for number, currency in enumerate(CURRENCIES)}
    ids: dict[str, str] = {}
    sent = 0
    while sent < len(waiting):
        for at in [at for at in begins if at <= sent]:
            lived.draft(begins.pop(at))
            ids[str(places[len(ids)].id)] = list(lived.campaigns)[-1]
        if choose.random() < 0.4:
            lived.command(choose)
        size = choose.randint(1, 12)
        batch = waiting[sent : sent + size]
        lived.tell([replace(fact, campaign=ids[fact.campaign]) for fact in batch if fact.campaign in ids])
        sent += size
    return lived


def _lately(fact: Told) -> Told:
    """The same some days ago, whatever day it is."""
    moved = fact.occurred_at + (datetime.now(UTC).date() - datetime(2026, 11, 12).date())
    link = "https://shop.example/c" if fact.labels[5] == LONG_LINK else fact.labels[5]
    return replace(fact, occurred_at=moved, labels=(*fact.labels[:5], link))


@pytest.mark.req("EVT-5")
def test_each_is_what_was_recorded_until_then(whole: Whole, story: Story) -> None:
    choose = random.Random(SEED + 1)
    with psycopg.connect(whole.product.dsn) as connection:
        row = connection.execute("select words from ballyhoo.bot_rules where live").fetchone()
    assert row is not None
    asked = [
        (choose.choice(story.moments), choose.choice(sorted(story.campaigns)), choose.choice(["token", "time"]),
         choose.choice(_GROUPINGS), choose.choice(_FUNNELS), choose.choice(["contact", "count"]))
        for _ in range(MOMENTS)
    ]  # fmt: skip

    with ThreadPoolExecutor(AT_ONCE) as several:
        looked = list(several.map(lambda one: _wrong(story, row[0], *one), asked))

    there = sum(id in moment.versions for moment, id, *_ in asked)
    lived = f"{len(story.moments)} steps and {len(story.told)} facts"
    print(f"seed {SEED}: {MOMENTS} moments of {lived}, {there} with the campaign; {sum(map(bool, looked))} differ")
    assert [wrong for wrong in looked if wrong] == []
    assert 0 < there < MOMENTS


def _wrong(
    story: Story, words: Sequence[str], moment: Moment, id: str, way: str, group_by: tuple[str, ...],
    stages: tuple[str, ...], by: str,
) -> list[str]:  # fmt: skip
    """Where the four answers of a moment differ from the oracle's."""
    at = moment.token if way == "token" else moment.time
    url = f"/v1/campaigns/{id}"
    state = story.client.get(url, as_of=at)
    metrics = story.client.get(f"{url}/metrics", as_of=at, group_by=",".join(group_by) or [])
    funnel = story.client.get(f"{url}/funnel", as_of=at, stages=",".join(stages), by=by)
    roi = story.client.get(f"{url}/roi", as_of=at)
    version = moment.versions.get(id, 0)
    if not version:
        return [f"{answer} before it was there" for answer in (state, metrics, funnel, roi) if answer.status != 404]
    oracle = Oracle(story.told[: moment.facts], 1, id, currency=story.currencies[id], words=words)
    then = story.campaigns[id][version - 1]
    found = state.ok().body
    shown = {
        "version": found["version"], "status": found["status"], "deleted": found["deleted_at"] is not None,
        **{name: found[name] for name in then.settings},
    }  # fmt: skip
    figures = metrics.ok().body
    del figures["computed"]
    return [
        *differences(shown, {"version": version, "status": then.status, "deleted": then.deleted, **then.settings}),
        *differences(figures, oracle.metrics(group_by)),
        *differences(funnel.ok().body["stages"], oracle.funnel(stages, by)),
        *differences(roi.ok().body, oracle.roi()),
    ]
