"""The A/B test of the demo: its three arms, planned before the launch, and what may be said of them at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.ask import Api
from infra.demo.campaign import answer_of
from infra.demo.comparing import NOTHING, Line
from infra.demo.customers import CONTROL
from infra.demo.figures import Arm

_PLAN = {
    "name": "Men's, women's or no mail",
    "metric": "conversion",
    "variants": [
        {"name": CONTROL, "control": True, "content": {}},
        {"name": "mens", "content": {"subject": "For him: new this season"}},
        {"name": "womens", "content": {"subject": "For her: new this season"}},
    ],
}


def planned(api: Api, campaign_id: str) -> str:
    """Plan the test on a draft; it starts with the launch. Gives its id."""
    return str(answer_of(api.post(f"/v1/campaigns/{campaign_id}/ab-test", _PLAN), 201)["id"])


def found(api: Api, test_id: str, position: str) -> dict[str, Any]:
    """The result, as known at ``position`` or later."""
    answer: dict[str, Any] = answer_of(api.get(f"/v1/ab-tests/{test_id}/results?wait=30&after={position}"), 200)
    return answer


def in_words(result: Mapping[str, Any]) -> Iterator[str]:
    """The verdict and its reasons, a line each."""
    winner = f": {result['winner']}" if result["winner"] else ""
    yield f"The A/B test says {result['verdict']}{winner}"
    for reason in result["reasons"]:
        yield f"  {reason}"


def lines_of_test(result: Mapping[str, Any], independent: Mapping[str, Arm]) -> list[Line]:
    """A line for each count that the verdict rests on."""
    ours = {arm["name"]: arm for arm in result["variants"]}
    return [
        Line(f"test, {variant}", figure, str(ours.get(variant, {}).get(name, NOTHING)), str(expected))
        for variant, arm in independent.items()
        if arm.exposures
        for figure, name, expected in (
            ("contacts", "n", arm.exposures),
            ("conversions", "conversions", arm.conversions),
        )
    ]
