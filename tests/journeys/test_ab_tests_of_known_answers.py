"""Two real tests, told fact by fact and judged by the product: what others found in the same data.

Hillstrom's 64,000 customers come packed with the demo. Of Cookie Cats' 90,189 players the published counts stand here;
where the file itself lies beside the repository, its rows are told instead, and have to have these counts.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from infra.demo.customers import SHIPPED, customers_of
from infra.demo.facts import about_customers
from tests.support.ab_tests import results, running
from tests.support.client import Client

COOKIE_CATS = Path(__file__).parents[3] / "shared" / "data" / "cookie_cats" / "cookie_cats.csv"
PLAYERS = {"gate_30": (44_700, 8_502), "gate_40": (45_489, 8_279)}
"""How many there were, and how many came back after a week."""


def told_at_once(client: Client, campaign: str, facts: Iterable[dict[str, Any]]) -> str:
    """Send facts over four connections; gives a position behind all of them."""
    rest = iter(facts)
    batches = iter(lambda: list(islice(rest, 1000)), [])
    with ThreadPoolExecutor(4) as many:
        list(many.map(lambda batch: client.track(*batch), batches))
    return str(client.track({"kind": "open", "campaign_id": campaign}).body["position"])


def players() -> Iterator[tuple[str, str, bool]]:
    """Each player's id, arm, and whether he came back after a week."""
    if COOKIE_CATS.exists():
        with COOKIE_CATS.open(newline="") as file:
            for row in csv.DictReader(file):
                yield row["userid"], row["version"], row["retention_7"] == "TRUE"
        return
    for arm, (count, back) in PLAYERS.items():
        for number in range(count):
            yield f"{arm}-{number}", arm, number < back


def of_players(campaign: str) -> Iterator[dict[str, Any]]:
    """An exposure for each player, and a conversion for each who came back."""
    for id, arm, back in players():
        about = {"campaign_id": campaign, "variant": arm, "contact_id": id}
        yield {"id": f"{campaign}-{id}", "kind": "exposure", **about}
        if back:
            yield {"id": f"{campaign}-{id}-7", "kind": "conversion", "value": {"amount": 0, "currency": "USD"}, **about}


@pytest.mark.req("ABT-2", "ABT-3", "ABT-4")
def test_cookie_cats_has_the_published_answers(alice: Client) -> None:
    campaign, test = running(alice, "gate_30", "gate_40")
    after = told_at_once(alice, campaign, of_players(campaign))

    found = results(alice, test, after).body

    assert {arm["name"]: (arm["n"], arm["conversions"]) for arm in found["variants"]} == PLAYERS
    (sequential,) = found["comparisons"]
    assert sequential["difference"] == pytest.approx(-0.008201298315205913, abs=1e-12)
    assert sequential["interval"] == pytest.approx([-0.01681322465324816, 0.00041062802283633147], abs=1e-9)
    assert sequential["p_value"] == pytest.approx(0.08328426535857636, abs=1e-8)
    assert found["sample_ratio"]["statistic"] == pytest.approx(6.9024049496058275)
    assert found["sample_ratio"]["p_value"] == pytest.approx(0.008607987810836262)
    alice.patch(f"/v1/ab-tests/{test}", {"analysis": "bayesian"}).ok()
    (bayesian,) = results(alice, test).body["comparisons"]
    assert bayesian["chance_to_beat"] == pytest.approx(0.0007773386644863936, rel=1e-6)
    assert bayesian["expected_loss"] == pytest.approx(0.00820172596021102, rel=1e-6)
    alice.patch(f"/v1/ab-tests/{test}", {"analysis": "fixed", "minimum_effect": 0.01}).ok()
    (fixed,) = results(alice, test).body["comparisons"]
    assert fixed["statistic"] == pytest.approx(-3.164358912748191)
    assert fixed["p_value"] == pytest.approx(0.001554249975614329)
    assert fixed["interval"] == pytest.approx([-0.013281552418885546, -0.00312104421152628], abs=1e-12)


@pytest.mark.req("ABT-2", "ABT-3", "ABT-4")
def test_hillstrom_has_the_answers_that_others_found(alice: Client) -> None:
    campaign, test = running(alice, "control", "mens", "womens", analysis="fixed", minimum_effect=0.01)
    told = about_customers(campaign, customers_of(SHIPPED))
    facts = [fact for fact in told if fact["kind"] in ("exposure", "click", "conversion")]
    after = told_at_once(alice, campaign, facts)

    found = results(alice, test, after).body

    assert [(arm["n"], arm["conversions"]) for arm in found["variants"]] == [(21306, 122), (21307, 267), (21387, 189)]
    mens = found["comparisons"][0]
    assert (mens["variant"], found["denominator"]) == ("mens", "contacts")
    assert mens["statistic"] == pytest.approx(7.385, abs=5e-4)
    assert mens["p_value"] == pytest.approx(1.5e-13, rel=0.05)
    assert mens["p_adjusted"] == pytest.approx(3.0e-13, rel=0.05)
    assert found["sample_ratio"]["statistic"] == pytest.approx(0.2025, abs=5e-5)
    assert found["sample_ratio"]["p_value"] == pytest.approx(0.9037, abs=5e-5)
    alice.patch(f"/v1/ab-tests/{test}", {"metric": "revenue"}).ok()
    spend = results(alice, test).body
    welch = spend["comparisons"][0]
    assert welch["statistic"] == pytest.approx(5.300140358411668, abs=1e-8)
    assert welch["degrees_of_freedom"] == pytest.approx(36671.15797736051, abs=1e-6)
    assert welch["p_value"] == pytest.approx(1.1638149682254859e-07, rel=1e-6)
    assert welch["interval"] == pytest.approx([48.51397325684075, 105.45145792206658], abs=1e-6)  # in cents
    assert [arm["revenue"] for arm in spend["variants"]] == [1_390_833, 3_031_169, 2_303_811]
    alice.patch(f"/v1/ab-tests/{test}", {"metric": "click", "analysis": "sequential"}).ok()
    visits = results(alice, test).body["comparisons"][0]
    assert visits["difference"] == pytest.approx(0.07658956365153125, abs=1e-12)
    assert visits["interval"] == pytest.approx([0.06568568505498881, 0.08749344224807368], abs=1e-9)
