"""What tests do when nobody asks: winners, once, however many workers; alerts, sizes, looks, bandits."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from adapters.statistics.scipy_significance import ScipySignificance
from domain.ab_test.allocation import AllocationRequest
from domain.ab_test.analysis import Arm
from domain.ab_test.samples import Proportion
from tests.journeys.conftest import Whole
from tests.support.ab_tests import bought, events_of, planned, results, running, shown, status_of, told
from tests.support.campaigns import drafted, move
from tests.support.client import Client
from tests.support.server import Product
from tests.waiting import wait_until

PATIENCE = 45.0
"""A quiet test is looked at twice a minute."""


def a_difference(client: Client, campaign: str) -> None:
    """5 % against 10 % of two thousand each, one arm as fast as the other."""
    pairs = zip(shown(campaign, "control", 2000, 100), shown(campaign, "new", 2000, 200), strict=False)
    told(client, (fact for pair in pairs for fact in pair))
    told(client, [bought(campaign, "new", number) for number in range(200)])
    told(client, shown(campaign, "new", 2000, 200))
    told(client, shown(campaign, "control", 2000, 100))


@pytest.mark.req("ABT-5", "EVT-2")
def test_with_three_workers_each_test_starts_once_and_its_winner_is_applied_once(apart: Product) -> None:
    for _ in range(3):
        apart.worker()
    apart.projector()
    alice = apart.client(apart.api())
    campaigns = [drafted(alice, name=f"Campaign {number}") for number in range(6)]
    tests = [planned(alice, campaign, auto_apply=True) for campaign in campaigns]
    with ThreadPoolExecutor(3) as many:
        list(many.map(lambda campaign: move(alice, campaign, "launch").ok(), campaigns))
    wait_until(lambda: all(status_of(alice, test) == "running" for test in tests))

    with ThreadPoolExecutor(3) as many:
        list(many.map(lambda campaign: a_difference(alice, campaign), campaigns))
    wait_until(lambda: all(status_of(alice, test) == "completed" for test in tests), PATIENCE)

    for test in tests:
        happened = [event for event in events_of(alice, test) if event != "ab-test.looked"]
        assert happened == ["ab-test.created", "ab-test.started", "ab-test.winner-declared", "ab-test.winner-applied"]
        assert alice.get(f"/v1/ab-tests/{test}").ok().body["applied"] == "new"


@pytest.mark.req("ABT-5")
def test_late_facts_that_flip_the_winner_raise_an_alert_and_nothing_moves_back(alice: Client) -> None:
    campaign, test = running(alice, auto_apply=True)
    a_difference(alice, campaign)
    wait_until(lambda: status_of(alice, test) == "completed", PATIENCE)
    before = alice.get(f"/v1/ab-tests/{test}").ok().body
    assert (before["applied"], before["alert"]) == ("new", None)

    after = told(alice, [bought(campaign, "control", number) for number in range(100, 800)])
    assert results(alice, test, after).body["winner"] == "control"
    wait_until(lambda: alice.get(f"/v1/ab-tests/{test}").ok().body["alert"] is not None, PATIENCE)

    now = alice.get(f"/v1/ab-tests/{test}").ok().body
    assert now["alert"]["winner"] == "control"
    assert {name: now[name] for name in ("applied", "winner", "shares", "layout", "status")} == {
        name: before[name] for name in ("applied", "winner", "shares", "layout", "status")
    }
    assert events_of(alice, test).count("ab-test.alert-raised") == 1


@pytest.mark.req("ABT-3")
def test_a_winner_that_is_not_to_be_applied_is_declared(alice: Client) -> None:
    campaign, test = running(alice)
    a_difference(alice, campaign)

    wait_until(lambda: "ab-test.winner-declared" in events_of(alice, test), PATIENCE)

    found = alice.get(f"/v1/ab-tests/{test}").ok().body
    assert (found["status"], found["winner"], found["applied"]) == ("running", "new", None)
    assert alice.post(f"/v1/ab-tests/{test}/apply-winner").ok().body["applied"] == "new"


@pytest.mark.req("ABT-3")
def test_a_fixed_test_says_nothing_before_its_size_and_completes_itself_there(alice: Client) -> None:
    plan = {"analysis": "fixed", "baseline": 0.1, "minimum_effect": 0.5}
    campaign, test = running(alice, **plan)
    size = alice.post("/v1/ab-tests/plan", {"baseline": 0.1, "minimum_effect": 0.5, "relative": True}).ok()
    wanted = size.body["n_per_variant"]
    few = wanted // 2
    told(alice, shown(campaign, "control", few, few // 10))
    after = told(alice, shown(campaign, "new", few, few // 3))
    early = results(alice, test, after).body
    assert (early["verdict"], early["planned"]["n_per_variant"]) == ("not_yet", wanted)

    told(alice, shown(campaign, "control", wanted, wanted // 10))
    told(alice, shown(campaign, "new", wanted, wanted // 3))
    wait_until(lambda: status_of(alice, test) == "completed", PATIENCE)

    found = results(alice, test).body
    assert (found["verdict"], found["winner"]) == ("winner", "new")
    happened = [event for event in events_of(alice, test) if event != "ab-test.looked"]
    assert happened[2:4] == ["ab-test.completed", "ab-test.winner-declared"]


@pytest.mark.req("ABT-3")
def test_looks_are_kept_where_something_changed_and_not_for_every_round(alice: Client) -> None:
    campaign, test = running(alice)
    for start in range(40):
        facts = [{"kind": "exposure", "campaign_id": campaign, "variant": arm, "contact_id": f"{arm}-{start}-{number}"}
            for number in range(5) for arm in ("control", "new")]  # fmt: skip
        told(alice, facts)
    wait_until(lambda: len(results(alice, test).body["looks"]) > 0, PATIENCE)

    assert 1 <= events_of(alice, test).count("ab-test.looked") <= 40


_LAST_FACT = """
select max(f.position) from ballyhoo.facts f join ballyhoo.streams s on s.stream = f.campaign where s.id = %s
"""
_STEPS = """
select e.state from ballyhoo.events e join ballyhoo.streams s using (stream)
 where s.id = %s and e.topic = 'ab-test.reallocated'
"""


@pytest.mark.req("ABT-4")
def test_a_bandits_shares_follow_the_facts_from_its_seed_and_keep_the_floor(whole: Whole, alice: Client) -> None:
    campaign, test = running(alice, "control", "good", "bad", bandit={"seed": 7, "floor": 0.1})
    sizes = {"control": (400, 40), "good": (410, 80), "bad": (390, 20)}
    facts = [fact for arm, counts in sizes.items() for fact in shown(campaign, arm, *counts)]
    random.Random(7).shuffle(facts)
    told(alice, facts)
    wait_until(lambda: "ab-test.reallocated" in events_of(alice, test), PATIENCE)

    found = alice.get(f"/v1/ab-tests/{test}").ok().body
    assert min(found["shares"].values()) >= 0.1
    assert found["shares"]["good"] > found["shares"]["control"]
    with psycopg.connect(whole.product.dsn) as connection:
        (last,) = connection.execute(_LAST_FACT, (UUID(campaign),)).fetchall()[0]
        steps = [json.loads(state) for (state,) in connection.execute(_STEPS, (UUID(test),)).fetchall()]
    if len(steps) == 1 and steps[0]["position"]["engagement"] >= last:  # it may have come while facts still did
        arms = tuple(Arm(name, Proportion(*counts)) for name, counts in sizes.items())
        step = ScipySignificance().allocate(AllocationRequest(arms, 7, 0.1))
        assert dict(zip(sizes, step.shares, strict=True)) == found["shares"]
