"""Progress towards the goals while it runs, and the final metrics when it ends, against sums in Python."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.support.campaigns import drafted, history_of, move, without_tokens
from tests.support.client import Client, with_id

SEED = 31


def some_facts(campaign: str, seed: int, count: int = 400) -> list[dict[str, Any]]:
    """Facts of many kinds about twenty contacts."""
    choose = random.Random(seed)
    facts = []
    for _ in range(count):
        kind = choose.choice(
            ["sent", "delivery", "open", "click", "click", "conversion", "refund", "spend", "exposure"]
        )
        fact: dict[str, Any] = {"kind": kind, "campaign_id": campaign, "variant": choose.choice(["a", "b"])}
        if kind in ("conversion", "refund", "spend"):
            fact["value"] = {"amount": choose.randint(0, 5000), "currency": "USD"}
        if kind != "spend" and choose.random() < 0.8:
            fact["contact_id"] = f"contact-{choose.randint(1, 20)}"
        facts.append(with_id(fact))
    return facts


def expected_total(facts: list[dict[str, Any]]) -> dict[str, Any]:
    """The sums of a list of facts, each of which counts once."""

    def count(kind: str) -> int:
        return sum(fact["kind"] == kind for fact in facts)

    def money(kind: str) -> int:
        return sum(fact["value"]["amount"] for fact in facts if fact["kind"] == kind)

    def contacts(*kinds: str) -> int:
        return len({fact["contact_id"] for fact in facts if fact["kind"] in kinds and "contact_id" in fact})

    return {
        "sent": count("sent"), "delivered": count("delivery"), "opens": count("open"), "clicks": count("click"),
        "conversions": count("conversion"), "revenue": money("conversion"), "refunds": money("refund"),
        "spend": money("spend"), "reach": contacts("delivery", "impression"), "unique_opens": contacts("open"),
        "unique_clicks": contacts("click"), "unique_conversions": contacts("conversion"),
        "roas": (money("conversion") - money("refund")) / money("spend"),
        "roi": (money("conversion") - money("refund") - money("spend")) / money("spend"),
    }  # fmt: skip


@pytest.mark.req("CAM-4", "CAM-3", "ANA-2", "ANA-3")
def test_progress_and_final_metrics_are_the_sums_of_the_facts(alice: Client) -> None:
    print(f"seed {SEED}")
    goals = {"conversions": 100, "revenue": {"amount": 1_000_000, "currency": "USD"}, "engagement": 1000}
    campaign = drafted(alice, goals=goals)
    move(alice, campaign, "launch").ok()
    facts = some_facts(campaign, SEED)
    alice.track(*facts, *facts[:100])
    token = alice.track(facts[0]).body["position"]
    expected = expected_total(facts)

    read = alice.get(f"/v1/campaigns/{campaign}", after=token).ok().body
    completed = move(alice, campaign, "complete").ok().body

    engagement = expected["opens"] + expected["clicks"]
    for shown in (read, completed):
        assert shown["progress"]["conversions"]["reached"] == expected["conversions"]
        assert shown["progress"]["conversions"]["share"] == pytest.approx(expected["conversions"] / 100)
        assert shown["progress"]["revenue"]["reached"] == {"amount": expected["revenue"], "currency": "USD"}
        assert shown["progress"]["engagement"]["reached"] == engagement
        assert shown["spent"] == {"amount": expected["spend"], "currency": "USD"}
    metrics = alice.get(f"/v1/campaigns/{campaign}/metrics", after=token).ok().body["total"]
    for name, value in expected.items():
        assert (name, metrics[name]) == (name, pytest.approx(value))
    last = history_of(alice, campaign)[-1]
    assert last["event"] == "campaign.completed"
    assert completed["final"]["total"] == metrics


def test_the_final_metrics_stay_while_later_facts_still_count(alice: Client) -> None:
    campaign = drafted(alice)
    move(alice, campaign, "launch").ok()
    token = alice.track({"kind": "click", "campaign_id": campaign}).body["position"]
    alice.get(f"/v1/campaigns/{campaign}/metrics", after=token).ok()
    completed = move(alice, campaign, "complete").ok().body
    token = alice.track({"kind": "click", "campaign_id": campaign}).body["position"]

    metrics = alice.get(f"/v1/campaigns/{campaign}/metrics", after=token).ok().body["total"]
    read = alice.get(f"/v1/campaigns/{campaign}").ok().body

    assert metrics["clicks"] == 2
    assert without_tokens(read) == without_tokens(completed)
    assert read["final"]["total"]["clicks"] == 1


@pytest.mark.req("ANA-1")
def test_declared_bots_are_left_out_and_counted_under_their_rule(alice: Client) -> None:
    campaign = drafted(alice)
    browser = {"user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    crawler = {"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
    token = alice.track(
        *[{"kind": "click", "campaign_id": campaign, "properties": browser} for _ in range(3)],
        *[{"kind": "click", "campaign_id": campaign, "properties": crawler} for _ in range(5)],
        *[{"kind": "open", "campaign_id": campaign, "properties": crawler} for _ in range(2)],
    ).body["position"]

    total = alice.get(f"/v1/campaigns/{campaign}/metrics", after=token).ok().body["total"]

    assert (total["clicks"], total["opens"]) == (3, 0)
    assert (total["bots"]["clicks"], total["bots"]["opens"], total["bots"]["impressions"]) == (5, 2, 0)
    assert total["bots"]["rule"]
