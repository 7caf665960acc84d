"""A/B tests after their read models were made anew: every contact keeps its arm, every result its last digit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.test_rebuilds import done
from tests.support.ab_tests import figures, results, running, shown, told
from tests.support.client import Client


def result(client: Client, test: str, position: str) -> dict[str, Any]:
    """A result, without what the worker may have noted meanwhile."""
    return {name: value for name, value in figures(results(client, test, position)).items() if name != "looks"}


def arms(client: Client, test: str) -> dict[str, Any]:
    """The arms of two hundred contacts."""
    asked = {f"fan-{number}": f"/v1/ab-tests/{test}/assignment" for number in range(200)}
    return {contact: client.get(path, contact_id=contact).ok().body["variant"] for contact, path in asked.items()}


@pytest.mark.req("ABT-1", "ABT-2", "EVT-4")
@pytest.mark.parametrize(("metric", "analysis"), [("conversion", "sequential"), ("revenue", "bayesian")])
def test_arms_and_results_are_the_same_after_a_rebuild(alice: Client, metric: str, analysis: str) -> None:
    campaign, test = running(alice, "control", "new", "third", holdout=0.1, metric=metric, analysis=analysis)
    facts = [
        fact
        for number, variant in enumerate(("control", "new", "third"))
        for fact in shown(campaign, variant, 150 + number, 20 + 9 * number)
    ]
    position = told(alice, facts)
    before = result(alice, test, position), arms(alice, test)

    job = done(alice, alice.post("/v1/rebuilds", {"projections": ["ab_evidence", "ab_test_list"]}).ok(202))

    assert (job["state"], job["error"]) == ("succeeded", None), job
    assert (result(alice, test, position), arms(alice, test)) == before
    assert set(before[1].values()) == {None, "control", "new", "third"}
