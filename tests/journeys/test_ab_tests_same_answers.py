"""The product's answer is the function's: for simulated tests, in any order and batches, and for hostile figures."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from adapters.statistics.scipy_significance import ScipySignificance
from application.evaluate_ab_test import evaluate
from domain.ab_test.decision import Status
from domain.ab_test.evidence import ArmEvidence, Evidence
from domain.ab_test.plan import GuardrailMetric
from domain.ab_test.plan_reading import read_new
from domain.ab_test.result_document import result_document
from domain.ab_test.state import ABTestState
from tests.support.ab_tests import a_plan, bought, figures, planned, results, summed, told
from tests.support.campaigns import campaign_in
from tests.support.client import Client

SEED = 20261121
DAY = "2026-09-17T12:00:00Z"
ABOUT_THE_TEST = ("test_id", "campaign_id", "status", "started_at", "ended_at", "declared", "applied", "alert", "looks",
    "position")  # fmt: skip


def by_function(plan: Mapping[str, Any], counts: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """What the pure function says of these sums, as JSON writes it."""
    asked = read_new(dict(plan), seed=0)
    nothing = dict.fromkeys(GuardrailMetric, 0)
    arms = tuple(
        ArmEvidence(name, impressions=shown, conversions=converted, guarded=nothing)
        for name, (shown, converted) in counts.items()
    )
    evidence = Evidence(arms, per_day=float(sum(shown for shown, _ in counts.values())))
    result = evaluate(asked.plan, Status.RUNNING, evidence, ScipySignificance())
    state: Any = type("State", (), dict.fromkeys(ABTestState.__dataclass_fields__) | {"looks": ()})
    return bare(result_document("", state, result, lambda position: ""))


def bare(document: Mapping[str, Any]) -> dict[str, Any]:
    """A result without what only a stored test has."""
    return {name: value for name, value in document.items() if name not in ABOUT_THE_TEST}


def started(client: Client, *names: str, **changes: Any) -> tuple[str, str]:
    """The ids of an active campaign and of its running test."""
    campaign = campaign_in(client, "active")
    test = planned(client, campaign, *names, **changes)
    client.post(f"/v1/ab-tests/{test}/start").ok()
    return campaign, test


@pytest.mark.req("ABT-2", "ABT-3", "ABT-4")
@pytest.mark.parametrize(("kind", "lift"), [("A/A", 1.0), ("A/B", 1.2)])
def test_twenty_simulated_tests_are_judged_as_by_the_function(
    alice: Client, record_property: Callable[[str, object], None], kind: str, lift: float
) -> None:
    rng = np.random.default_rng((SEED, int(lift * 10)))
    plan = a_plan("control", "new", minimum_sample={"impressions": 1000, "clicks": 100, "conversions": 30})
    winners: list[str | None] = []
    for _ in range(20):
        campaign, test = started(alice, **plan)
        counts = {"control": (0, 0), "new": (0, 0)}
        for look in range(3):
            more = {
                name: (shown, int(rng.binomial(shown, rate)))
                for name, shown, rate in (("control", 12_000, 0.1), ("new", 12_100, 0.1 * lift))
            }
            facts = [{**fact, "occurred_at": DAY} for fact in summed(campaign, more, tag=str(look))]
            counts = {name: (counts[name][0] + more[name][0], counts[name][1] + more[name][1]) for name in counts}

            found = results(alice, test, told(alice, facts)).body

            assert bare(found) == by_function(plan, counts)
        winners.append(found["winner"])
    won = f"{winners.count('new')} times new, {winners.count('control')} times control"
    record_property("told", f"{kind} over HTTP: 20 tests of 3 looks, winner {won}, as by the function (seed {SEED})")
    assert winners.count("control") == 0
    assert winners.count("new") >= 16 if lift > 1 else winners.count("new") <= 1


def a_pattern(rng: random.Random) -> list[dict[str, Any]]:
    """What nine hundred contacts did in three arms; some of it is taken back."""
    chances = {"open": 0.5, "click": 0.3, "conversion": 0.2, "refund": 0.05, "unsubscribe": 0.02}
    facts: list[dict[str, Any]] = []
    for number in range(900):
        about = {
            "variant": rng.choice(["control", "new", "third"]),
            "contact_id": f"fan-{number}",
            "occurred_at": f"2026-09-{rng.randrange(1, 28):02}T08:00:00Z",
        }
        facts.append({"id": f"e{number}", "kind": rng.choice(["exposure", "delivery"]), **about})
        for kind, chance in chances.items():
            if rng.random() < chance:
                facts.append({"id": f"{kind}{number}", "kind": kind, **about})
                if kind in ("conversion", "refund"):
                    facts[-1]["value"] = {"amount": rng.choice([1, 999, 10**12]), "currency": "USD"}
    taken_back = [fact["id"] for fact in rng.sample(facts, 60)]
    return facts + [{"id": f"v{number}", "kind": "void", "voids": id} for number, id in enumerate(taken_back)]


@pytest.mark.req("ABT-2")
@pytest.mark.parametrize("metric", ["conversion", "click", "engagement", "revenue"])
def test_the_same_facts_in_another_order_and_other_batches_give_the_same_result(alice: Client, metric: str) -> None:
    rng = random.Random(SEED)
    pattern = a_pattern(rng)
    answers = []
    for batch in (1000, 37):
        campaign, test = started(alice, "control", "new", "third", metric=metric, analysis="bayesian")
        facts = [{**fact, "campaign_id": campaign, "id": f"{campaign}-{fact['id']}"} for fact in pattern]
        for fact in facts:
            if "voids" in fact:
                fact["voids"] = f"{campaign}-{fact['voids']}"
        rng.shuffle(facts)
        for start in range(0, len(facts), batch):
            position = told(alice, facts[start : start + batch])
        answers.append(bare(figures(results(alice, test, position))))

    assert answers[0] == answers[1]
    assert sum(arm["n"] for arm in answers[0]["variants"]) > 700


@pytest.mark.req("ABT-4")
@pytest.mark.parametrize("analysis", ["sequential", "fixed", "bayesian"])
@pytest.mark.parametrize(
    ("counts", "verdict", "said"),
    [
        ({"control": (0, 0), "new": (0, 0)}, "not_yet", "No facts have come so far."),
        ({"control": (5000, 5000), "new": (5000, 5000)}, None, None),
        ({"control": (5000, 500), "new": (0, 0)}, "unhealthy", "new is empty"),
        ({"control": (5000, 500), "new": (5000, 500)}, None, None),
        ({"control": (10**9, 10**8), "new": (10**9, 10**8 + 10**6)}, None, None),
        ({"control": (5000, 0), "new": (5000, 0)}, "not_yet", "conversions of at least"),
        ({"control": (10, 20), "new": (10, 5)}, "not_yet", None),
    ],
)
def test_extreme_figures_have_a_clear_answer(
    alice: Client, analysis: str, counts: dict[str, tuple[int, int]], verdict: str | None, said: str | None
) -> None:
    campaign, test = started(alice, analysis=analysis)
    facts = summed(campaign, counts)

    found = results(alice, test, told(alice, facts) if facts else None)

    assert b"NaN" not in found.content
    assert b"Infinity" not in found.content
    if verdict is not None:
        assert found.body["verdict"] == verdict
    if said is not None:
        assert any(said in reason for reason in found.body["reasons"])
    if counts["control"] == counts["new"]:
        assert found.body["winner"] is None


@pytest.mark.req("ABT-2")
def test_a_refund_larger_than_the_revenue_counts_below_nothing(alice: Client) -> None:
    campaign, test = started(alice, metric="revenue", minimum_sample={"impressions": 1, "clicks": 0, "conversions": 1})
    seen = [{"kind": "exposure", "campaign_id": campaign, "variant": arm, "contact_id": f"{arm}-{number}"}
        for arm in ("control", "new") for number in range(3)]  # fmt: skip
    back = {**bought(campaign, "new", 0, 5000), "id": f"{campaign}-back", "kind": "refund"}

    found = results(alice, test, told(alice, [*seen, bought(campaign, "new", 0), bought(campaign, "control", 0), back]))

    control, new = found.body["variants"]
    assert (control["revenue"], new["revenue"]) == (1999, -3001)
    assert new["mean"] == pytest.approx(-3001 / 3)
    assert b"NaN" not in found.content


@pytest.mark.req("ABT-3")
def test_one_degenerate_arm_does_not_spoil_the_others(alice: Client) -> None:
    campaign, test = started(alice, "control", "new", "odd")
    counts = {"control": (5000, 500), "new": (5000, 900), "odd": (5000, 9000)}

    found = results(alice, test, told(alice, summed(campaign, counts))).body

    new, odd = found["comparisons"]
    assert (new["significant"], new["difference"]) == (True, pytest.approx(0.08))
    assert (odd["difference"], odd["significant"]) == (None, False)
    assert odd["note"]


@pytest.mark.req("ABT-4")
def test_what_cannot_be_reckoned_is_refused_with_its_place(alice: Client) -> None:
    arm = {"name": "a", "n": 10, "conversions": 5}
    for variants, pointer in (
        ([arm, {"name": "b", "n": 10, "conversions": 11}], "/variants/1/conversions"),
        ([arm, {"name": "b", "n": -1, "conversions": 0}], "/variants/1/n"),
        ([arm, {"name": "b", "n": 2, "sum": 10, "sum_squares": 1}], "/variants/1/sum_squares"),
        ([arm, {"name": "b", "n": 1.5, "conversions": 1}], "/variants/1/n"),
        ([arm, {"name": "b"}], "/variants/1/n"),
        ([arm], "/variants"),
    ):
        refused = alice.post("/v1/ab-tests/analyse", {"variants": variants, "control": "a"}).ok(422).body
        assert pointer in {error["pointer"] for error in refused["errors"]}
    alice.post("/v1/ab-tests/analyse", b'{"variants": [{"name": "a", "n": 1e999}]}').ok(422)
    alice.post("/v1/ab-tests/plan", {"baseline": 0.2, "minimum_effect": 0.9}).ok(422)
