"""The campaign of the demo: drafted, launched, tracked and read back over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from infra.ask import Api
from infra.demo import facts
from infra.demo.comparing import STAGES
from infra.demo.customers import CONTROL, Customer
from infra.demo.figures import Arm, incremental_roi, to_six_places
from infra.demo.sending import send_all, send_batch

_DRAFT = {
    "name": "E-mail test: men's, women's or no mail",
    "description": "Kevin Hillstrom's MineThatData e-mail test",
    "type": "promotion",
    "delivery": "ab_test",
    "platforms": ["email"],
    "content": {
        "default": {
            "subject": "New this season",
            "body": "Come and see what is new in the shop.",
            "cta": {"label": "To the shop", "url": "https://shop.example/new"},
        }
    },
    "audience": {"kind": "all"},
    "currency": "USD",
    "goals": {"conversions": 500, "revenue": {"amount": 6_000_000, "currency": "USD"}},
    "tags": ["demo", "e-mail"],
}


class Unexpected(Exception):
    """The API answered something else than it should; the message has its words."""


def drafted(api: Api) -> str:
    """Draft the campaign. Gives its id."""
    return str(answer_of(api.post("/v1/campaigns", _DRAFT), 201)["id"])


def launch(api: Api, campaign_id: str) -> None:
    """Launch it; its test starts with it."""
    answer_of(api.post(f"/v1/campaigns/{campaign_id}/launch", {}), 200)


def tracked(
    api: Api, url: str, key: str, campaign_id: str, customers: Sequence[Customer], sent: Callable[[int], None]
) -> str:
    """Send every fact. Gives a position behind all of them: the last ones are sent when all others are in."""
    send_all(url, key, facts.about_customers(campaign_id, customers[:-1]), sent)
    last = [*facts.about_customers(campaign_id, customers[-1:]), *facts.of_cost(campaign_id, customers)]
    position = send_batch(api, last)
    sent(len(last))
    return position


def arms(api: Api, campaign_id: str, position: str) -> dict[str, Arm]:
    """The metrics by variant, as known at ``position`` or later."""
    answer = _read(api, campaign_id, "metrics?group_by=variant&wait=30", position)
    groups = {group["key"]["variant"]: group for group in answer["groups"]}
    control = groups.get(CONTROL, {"revenue": 0, "exposures": 0})
    return {
        variant: Arm(
            exposures=group["exposures"],
            visits=group["clicks"],
            conversions=group["conversions"],
            revenue=_exact(group["revenue"]),
            cost=_exact(group["spend"]),
            roas=None if group["roas"] is None else to_six_places(group["roas"]),
            incremental_roi=incremental_roi(
                _exact(group["revenue"]), _exact(group["spend"]), group["exposures"],
                _exact(control["revenue"]), control["exposures"],
            ),
        )
        for variant, group in groups.items()
    }  # fmt: skip


def funnel(api: Api, campaign_id: str, position: str) -> list[dict[str, Any]]:
    """How many customers came from each stage to the next."""
    stages: list[dict[str, Any]] = _read(
        api, campaign_id, f"funnel?stages={','.join(STAGES)}&by=contact&wait=30", position
    )["stages"]
    return stages


def roi(api: Api, campaign_id: str, position: str) -> dict[str, Any]:
    """What came in for what was spent."""
    return _read(api, campaign_id, "roi?wait=30", position)


def _read(api: Api, campaign_id: str, question: str, position: str) -> dict[str, Any]:
    asked = f"/v1/campaigns/{campaign_id}/{question}&after={position}"
    answer: dict[str, Any] = answer_of(api.get(asked), 200)
    return answer


def _exact(amount: float) -> Fraction:
    return Fraction(Decimal(str(amount)))


def answer_of(answered: tuple[int, Any], expected: int) -> Any:
    """The body of an answer that has the expected status. Unexpected."""
    status, answer = answered
    if status != expected:
        raise Unexpected(f"The API answered {status} where {expected} was due: {answer}")
    return answer
