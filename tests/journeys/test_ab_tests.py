"""A/B tests from plan to winner, as their users meet them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.conftest import Whole
from tests.support.ab_tests import (
    a_plan,
    bought,
    events_of,
    figures,
    planned,
    results,
    running,
    shown,
    status_of,
    summed,
    told,
)
from tests.support.campaigns import a_document, campaign_in, drafted, move
from tests.support.client import Client
from tests.waiting import wait_until

WELL = {"control": (2000, 100), "new": (2000, 200)}
"""A clear difference: 5 % against 10 %."""


def well_known(client: Client, campaign: str, counts: dict[str, tuple[int, int]] | None = None) -> str:
    """Show the arms to contacts; gives the position behind the facts."""
    return told(client, (fact for name, arm in (counts or WELL).items() for fact in shown(campaign, name, *arm)))


def test_a_plan_has_the_published_defaults(alice: Client) -> None:
    campaign = drafted(alice)
    asked = {"name": "Subject", "metric": "click", "variants": [{"name": "a", "control": True}, {"name": "b"}]}

    made = alice.post(f"/v1/campaigns/{campaign}/ab-test", asked).ok(201)

    assert made.headers["location"] == f"/v1/ab-tests/{made.body['id']}"
    assert (made.body["status"], made.body["version"], made.version) == ("draft", 1, 1)
    expected = {"analysis": "sequential", "confidence": 0.95, "minimum_effect": 0.1, "correction": "holm",
        "minimum_sample": {"impressions": 1000, "clicks": 100, "conversions": 30}, "guardrails": [], "holdout": 0.0,
        "auto_apply": False}  # fmt: skip
    assert {name: made.body[name] for name in expected} == expected
    assert made.body["shares"] == {"a": 0.5, "b": 0.5}
    read = alice.get(f"/v1/ab-tests/{made.body['id']}").ok()
    assert read.body == made.body
    assert read.version == 1


def test_everything_wrong_in_a_plan_is_said_at_once(alice: Client) -> None:
    campaign = drafted(alice)
    plan = a_plan(metric="fame", confidence=2, holdout="none", colour="red", variants=[{"name": "", "share": -1}, 7])

    refused = alice.post(f"/v1/campaigns/{campaign}/ab-test", plan).ok(422)

    pointers = {error["pointer"] for error in refused.body["errors"]}
    assert {"/metric", "/confidence", "/holdout", "/colour", "/variants/0/name", "/variants/0/share"} <= pointers
    assert "/variants/1" in pointers
    two = a_plan(variants=[{"name": "a"}, {"name": "a"}])
    codes = {error["code"] for error in alice.post(f"/v1/campaigns/{campaign}/ab-test", two).ok(422).body["errors"]}
    assert codes == {"one_control", "twice"}


@pytest.mark.req("ABT-1")
def test_a_campaign_has_one_test_at_a_time_and_never_the_same_variants_twice(alice: Client) -> None:
    campaign, first = running(alice)

    second = alice.post(f"/v1/campaigns/{campaign}/ab-test", a_plan("control", "other")).ok(409)

    assert second.body["type"] == "/problems/campaign-has-live-test"
    assert first in second.body["detail"]
    alice.post(f"/v1/ab-tests/{first}/cancel").ok()
    taken = alice.post(f"/v1/campaigns/{campaign}/ab-test", a_plan("control", "other")).ok(409)
    assert taken.body["type"] == "/problems/variants-taken"
    third = alice.post(f"/v1/campaigns/{campaign}/ab-test", a_plan("old", "other")).ok(201).body["id"]
    wait_until(lambda: len(alice.get("/v1/ab-tests", campaign_id=campaign).ok().body["items"]) == 2)
    items = alice.get("/v1/ab-tests", campaign_id=campaign).ok().body["items"]
    assert [item["id"] for item in items] == [third, first]
    assert alice.get("/v1/ab-tests", campaign_id=campaign, status="draft").ok().body["items"][0]["id"] == third


def test_a_create_is_repeatable_by_its_id_and_by_its_key(alice: Client) -> None:
    campaign = drafted(alice)
    id = "0198f3a2-7c1e-7b44-9d53-2f1c8a6e0b11"
    path = f"/v1/campaigns/{campaign}/ab-test"

    made = alice.post(path, a_plan(id=id), key="once").ok(201)

    again = alice.post(path, a_plan(id=id), key="once").ok(201)
    assert (again.replayed, again.body) == (True, made.body)
    there = alice.post(path, a_plan(id=id)).ok(409)
    assert there.headers["location"] == f"/v1/ab-tests/{id}"


def test_an_id_that_something_else_has_is_refused_and_leaves_the_campaign_free(alice: Client) -> None:
    campaign = drafted(alice)
    path = f"/v1/campaigns/{campaign}/ab-test"

    taken = alice.post(path, a_plan(id=campaign)).ok(409)

    assert taken.headers["location"] == f"/v1/campaigns/{campaign}"
    test = alice.post(path, a_plan()).ok(201).body["id"]
    taken = alice.post("/v1/campaigns", a_document(id=test)).ok(409)
    assert taken.headers["location"] == f"/v1/ab-tests/{test}"


@pytest.mark.req("ABT-1")
def test_a_test_starts_with_its_campaigns_launch_and_not_before(alice: Client) -> None:
    campaign = drafted(alice)
    test = planned(alice, campaign)

    assert alice.post(f"/v1/ab-tests/{test}/start").ok(409).body["type"] == "/problems/campaign-not-active"
    assert alice.get(f"/v1/ab-tests/{test}/assignment", contact_id="fan-1").ok(409)
    launched = move(alice, campaign, "launch").ok()
    assert alice.get(f"/v1/ab-tests/{test}", after=launched.position).ok().body["status"] == "running"

    (newest, _) = alice.get(f"/v1/ab-tests/{test}/history").ok().body["items"]
    cause = alice.get(f"/v1/campaigns/{campaign}/history").ok().body["items"][0]
    assert (newest["event"], newest["causation"]) == ("ab-test.started", cause["event_id"])
    assert launched.body["status"] == "active"


def test_a_test_planned_on_an_active_campaign_is_started_by_hand(alice: Client) -> None:
    campaign = campaign_in(alice, "active")
    test = planned(alice, campaign)

    assert alice.post(f"/v1/ab-tests/{test}/start").ok().body["status"] == "running"
    again = alice.post(f"/v1/ab-tests/{test}/start").ok(409)
    assert again.body["type"] == "/problems/move-not-allowed"
    assert again.body["allowed"] == ["looks", "complete", "cancel", "apply-winner"]


@pytest.mark.parametrize(("ends", "expected"), [("complete", "completed"), ("cancel", "cancelled")])
def test_a_test_ends_with_its_campaign(alice: Client, ends: str, expected: str) -> None:
    campaign, test = running(alice)

    move(alice, campaign, ends).ok()

    wait_until(lambda: status_of(alice, test) == expected)
    draft = drafted(alice)
    waiting = planned(alice, draft)
    alice.delete(f"/v1/campaigns/{draft}").ok()
    wait_until(lambda: status_of(alice, waiting) == "cancelled")
    alice.post(f"/v1/campaigns/{draft}/ab-test", a_plan()).ok(409)


def test_a_duplicate_of_a_campaign_has_no_test(alice: Client) -> None:
    campaign, _ = running(alice)

    twin = alice.post(f"/v1/campaigns/{campaign}/duplicate", {}).ok(201).body["id"]

    assert alice.get("/v1/ab-tests", campaign_id=twin).ok().body["items"] == []
    alice.post(f"/v1/campaigns/{twin}/ab-test", a_plan()).ok(201)


@pytest.mark.req("ABT-1")
def test_an_assignment_follows_the_published_rule_and_records_nothing(alice: Client) -> None:
    _, test = running(alice, "control", "mens", "womens", holdout=0.1, salt="spring-2027")
    version = alice.get(f"/v1/ab-tests/{test}").ok().version

    found = {
        contact: alice.get(f"/v1/ab-tests/{test}/assignment", contact_id=contact).ok().body["variant"]
        for contact in ("fan-0001", "fan-0002", "fan-0003", "1007", "客户-9", "customer 17", "a:b")
    }

    assert found == {"fan-0001": "control", "fan-0002": None, "fan-0003": "mens", "1007": "womens", "客户-9": None,
        "customer 17": "control", "a:b": "control"}  # fmt: skip
    assert alice.get(f"/v1/ab-tests/{test}").ok().version == version
    assert alice.get(f"/v1/ab-tests/{test}/assignment", contact_id="ann@example.org").ok(422)
    assert alice.get(f"/v1/ab-tests/{test}/assignment").ok(422)


@pytest.mark.req("ABT-2", "ABT-3")
def test_results_have_the_published_fields_and_the_winner(alice: Client) -> None:
    campaign, test = running(alice)
    after = well_known(alice, campaign)

    found = results(alice, test, after).body

    assert {"test_id", "status", "metric", "denominator", "analysis", "confidence", "verdict", "winner", "reasons",
        "variants", "comparisons", "overall", "sample_ratio", "remaining", "looks"} <= set(found)  # fmt: skip
    assert (found["verdict"], found["winner"], found["denominator"]) == ("winner", "new", "contacts")
    control, new = found["variants"]
    assert {"name": "control", "n": 2000, "impressions": 0, "clicks": 0, "conversions": 100, "revenue": 199_900,
        "rate": 0.05, "mean": None, "variance": None}.items() <= control.items()  # fmt: skip
    assert (new["n"], new["conversions"]) == (2000, 200)
    (compared,) = found["comparisons"]
    assert (compared["variant"], compared["control"], compared["significant"]) == ("new", "control", True)
    assert compared["interval"][0] < compared["difference"] < compared["interval"][1]
    assert found["sample_ratio"] == {"statistic": 0.0, "p_value": 1.0, "ok": True}
    assert found["overall"] is None


@pytest.mark.req("ABT-3")
def test_a_look_is_recorded_when_it_is_asked_for_and_never_by_reading(alice: Client) -> None:
    campaign = campaign_in(alice, "active")
    test = planned(alice, campaign)
    alice.post(f"/v1/ab-tests/{test}/start").ok()
    before = results(alice, test).version
    results(alice, test)
    assert results(alice, test).version == before

    alice.post(f"/v1/ab-tests/{test}/looks").ok()

    (look,) = results(alice, test).body["looks"]
    assert look["verdict"] == "not_yet"
    assert {"at", "by", "position", "comparisons", "variants"} <= set(look)


@pytest.mark.req("ABT-4")
def test_a_result_can_be_had_again_as_it_was(alice: Client) -> None:
    campaign, test = running(alice)
    first = results(alice, test, well_known(alice, campaign))
    told(alice, [bought(campaign, "control", number) for number in range(100, 500)])

    again = results(alice, test, as_of=first.body["position"])

    assert figures(again) == figures(first)


@pytest.mark.req("ABT-3")
def test_a_plan_changed_after_the_start_shows_in_every_result(alice: Client) -> None:
    campaign, test = running(alice)
    contacts = [f"fan-{number}" for number in range(200)]

    def arms() -> list[Any]:
        path = f"/v1/ab-tests/{test}/assignment"
        return [alice.get(path, contact_id=contact).ok().body["variant"] for contact in contacts]

    before = arms()
    shares = {"variants": [{"name": "control", "control": True, "share": 1}, {"name": "new", "share": 4}]}
    changed = alice.patch(f"/v1/ab-tests/{test}", shares).ok()

    assert changed.body["changes"][0]["fields"] == ["variants"]
    moved = [pair for pair in zip(before, arms(), strict=True) if pair[0] != pair[1]]
    assert set(moved) == {("control", "new")}
    assert 30 < len(moved) < 90  # 30 % of two hundred
    found = results(alice, test).body
    assert found["changes"] == changed.body["changes"]
    assert any("The plan was changed after the start" in reason for reason in found["reasons"])
    other = {"variants": [{"name": "control", "control": True}, {"name": "newer"}]}
    assert alice.patch(f"/v1/ab-tests/{test}", other).ok(409).body["type"] == "/problems/variants-fixed"
    assert alice.patch(f"/v1/ab-tests/{test}", {"confidence": 7}).ok(422)
    assert alice.patch(f"/v1/ab-tests/{test}", {}).ok().body["changes"] == changed.body["changes"]
    assert campaign


@pytest.mark.req("ABT-3")
def test_a_cancelled_test_keeps_what_was_learnt(alice: Client) -> None:
    campaign, test = running(alice)
    after = well_known(alice, campaign, {"control": (300, 15), "new": (300, 18)})
    assert results(alice, test, after).body["verdict"] == "not_yet"

    alice.post(f"/v1/ab-tests/{test}/cancel").ok()

    found = results(alice, test).body
    assert (found["status"], found["variants"][1]["conversions"]) == ("cancelled", 18)
    assert "Cancelled; learnt until then" in alice.get(f"/v1/ab-tests/{test}/history").ok().body["items"][0]["text"]
    alice.post(f"/v1/ab-tests/{test}/cancel").ok(409)


@pytest.mark.req("ABT-4")
def test_a_guardrail_makes_a_test_unhealthy_whatever_it_wins(alice: Client) -> None:
    campaign, test = running(alice, guardrails=[{"metric": "unsubscribe", "at_most": 0.02}], auto_apply=True)
    left = [{"kind": "unsubscribe", "campaign_id": campaign, "variant": "new", "contact_id": f"new-{number}"}
        for number in range(80)]  # fmt: skip
    told(alice, left)
    after = well_known(alice, campaign)

    found = results(alice, test, after).body

    assert (found["verdict"], found["winner"]) == ("unhealthy", None)
    assert "Guardrail: unsubscribe of new is 4 %" in found["reasons"][0]
    wait_until(lambda: "ab-test.looked" in events_of(alice, test))
    assert "ab-test.winner-applied" not in events_of(alice, test)


@pytest.mark.req("ABT-4")
def test_lost_contacts_and_contacts_in_two_arms_are_named(alice: Client) -> None:
    campaign, test = running(alice)
    after = well_known(alice, campaign, {"control": (1000, 50), "new": (700, 50)})
    assert "sample-ratio mismatch" in results(alice, test, after).body["reasons"][0]
    campaign, test = running(alice)
    well_known(alice, campaign, {"control": (500, 50), "new": (500, 60)})
    both = [{"kind": "exposure", "campaign_id": campaign, "variant": "new", "contact_id": f"control-{number}"}
        for number in range(11)]  # fmt: skip

    found = results(alice, test, told(alice, both)).body

    assert (found["verdict"], found["crossed"]) == ("unhealthy", 11)


@pytest.mark.req("ABT-5")
def test_a_person_applies_the_winner_and_the_losing_share_moves_to_it(alice: Client) -> None:
    campaign, test = running(alice, holdout=0.2)
    assert alice.post(f"/v1/ab-tests/{test}/apply-winner").ok(409).body["type"] == "/problems/no-winner-yet"
    unknown = alice.post(f"/v1/ab-tests/{test}/apply-winner", {"variant": "x"}).ok(422)
    assert [fault["pointer"] for fault in unknown.body["errors"]] == ["/variant"]
    results(alice, test, well_known(alice, campaign))

    applied = alice.post(f"/v1/ab-tests/{test}/apply-winner").ok().body

    assert (applied["applied"], applied["status"]) == ("new", "completed")
    assert applied["shares"] == {"control": 0.0, "new": 1.0}
    path = f"/v1/ab-tests/{test}/assignment"
    found = {alice.get(path, contact_id=f"fan-{number}").ok().body["variant"] for number in range(60)}
    assert found == {None, "new"}
    assert alice.post(f"/v1/ab-tests/{test}/apply-winner").ok(409)


@pytest.mark.req("ABT-4")
def test_sums_without_contacts_are_held_against_impressions(alice: Client) -> None:
    campaign, test = running(alice)
    after = told(alice, summed(campaign, {"control": (10_000, 1000), "new": (10_100, 1300)}))

    found = results(alice, test, after).body

    assert (found["denominator"], found["verdict"], found["winner"]) == ("impressions", "winner", "new")
    assert [(arm["n"], arm["conversions"]) for arm in found["variants"]] == [(10_000, 1000), (10_100, 1300)]


def test_a_stranger_finds_no_test(alice: Client, stranger: Client) -> None:
    campaign, test = running(alice)

    for path in ("", "/results", "/history"):
        stranger.get(f"/v1/ab-tests/{test}{path}").ok(404)
    stranger.get(f"/v1/ab-tests/{test}/assignment", contact_id="a").ok(404)
    for name in ("start", "looks", "complete", "cancel", "apply-winner"):
        stranger.post(f"/v1/ab-tests/{test}/{name}").ok(404)
    stranger.patch(f"/v1/ab-tests/{test}", {"confidence": 0.9}).ok(404)
    stranger.post(f"/v1/campaigns/{campaign}/ab-test", a_plan()).ok(404)
    assert stranger.get("/v1/ab-tests").ok().body["items"] == []


@pytest.mark.parametrize(
    ("route", "asked", "pointer"),
    [
        ("analyse", {"shares": [10**400, 1]}, "/shares/0"), ("analyse", {"shares": [1e308, 1e308]}, "/shares"),
        ("analyse", {"prior": {"mean": 10**400}}, "/prior/mean"),
        ("analyse", {"method": "group_sequential", "information": [None]}, "/information/0"),
        ("plan", {"minimum_effect": 10**400}, "/minimum_effect"),
        ("plan", {"baseline": 10**400, "relative": True}, "/baseline"),
    ],
)  # fmt: skip
def test_numbers_that_nothing_can_reckon_with_are_refused_by_name(
    alice: Client, route: str, asked: dict[str, Any], pointer: str
) -> None:
    arms = [{"name": "a", "n": 1200, "conversions": 144}, {"name": "b", "n": 1200, "conversions": 180}]
    right = {"variants": arms} if route == "analyse" else {"baseline": 0.2, "minimum_effect": 0.05}

    refused = alice.post(f"/v1/ab-tests/{route}", right | asked).ok(422)

    assert [fault["pointer"] for fault in refused.body["errors"]] == [pointer]


def test_the_statistics_answer_without_a_test(whole: Whole, alice: Client) -> None:
    arms = [{"name": "a", "n": 1200, "conversions": 144}, {"name": "b", "n": 1200, "conversions": 180}]
    asked = {"variants": arms, "control": "a", "shares": [0.5, 0.5], "method": "z_pooled"}

    found = alice.post("/v1/ab-tests/analyse", asked).ok().body
    wanted = {"baseline": 0.2, "minimum_effect": 0.05}
    size = alice.post("/v1/ab-tests/plan", wanted | {"contacts_per_day": 1000}).ok().body

    assert (found["verdict"], found["winner"]) == ("winner", "b")
    assert found["comparisons"][0]["statistic"] == pytest.approx(2.1504133)
    promised = ("name", "n", "impressions", "clicks", "conversions", "revenue", "rate", "interval", "mean", "variance")
    assert list(found["variants"][0])[: len(promised)] == list(promised)
    assert {name: found["variants"][0][name] for name in promised[1:6]} == {
        "n": 1200, "impressions": None, "clicks": None, "conversions": 144, "revenue": None,
    }  # fmt: skip
    assert (size["n_per_variant"], size["power"], size["days"]) == (1094, 0.8, 3)
    given = alice.post("/v1/ab-tests/plan", wanted | {"n_per_variant": 1094}).ok().body
    assert given["power"] == pytest.approx(0.8, abs=1e-3)
    means = [{"name": "a", "n": 3461, "sum": 2400, "sum_squares": 130_000},
        {"name": "b", "n": 3461, "sum": 2422.7, "sum_squares": 134_698.29}]  # fmt: skip
    welch = alice.post("/v1/ab-tests/analyse", {"variants": means, "control": "a", "method": "welch"}).ok().body
    assert welch["variants"][1]["mean"] == pytest.approx(0.7)
    relative = alice.post("/v1/ab-tests/analyse", asked | {"difference": "relative"}).ok().body["comparisons"][0]
    assert relative["interval"][0] < 0.25 < relative["interval"][1]
    bad = alice.post("/v1/ab-tests/analyse", {"variants": [{"name": "a", "n": 5, "conversions": 7}], "x": 1}).ok(422)
    assert {"/x"} <= {error["pointer"] for error in bad.body["errors"]}
    assert whole.product.client(whole.api).post("/v1/ab-tests/plan", {}).ok(422)
