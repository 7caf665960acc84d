"""What is compared: the figures of one arm, and where the independent ones come from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from infra.demo.customers import ARMS, CONTROL, Customer

MAIL_COSTS = 10
"""Cents."""

_ANSWERS = Path(__file__).parent / "answers.json"


@dataclass(frozen=True)
class Arm:
    """One variant. Money in cents; the two returns to six places, None where nothing was spent."""

    exposures: int
    visits: int
    conversions: int
    revenue: Fraction
    cost: Fraction
    roas: str | None
    incremental_roi: str | None


def packed_answers() -> dict[str, Arm]:
    """What other programs say of the shipped file, by variant."""
    answers = json.loads(_ANSWERS.read_text())
    return {
        ARMS[segment]: Arm(
            exposures=answer["customers"],
            visits=answer["visits"],
            conversions=answer["conversions"],
            revenue=Fraction(Decimal(answer["spend"]) * 100),
            cost=Fraction(MAIL_COSTS * answer["customers"] if ARMS[segment] != CONTROL else 0),
            roas=answer["roas"],
            incremental_roi=answer["incremental_roi"],
        )
        for segment, answer in answers.items()
    }


def counted_by_hand(customers: Sequence[Customer]) -> dict[str, Arm]:
    """The same of any file, counted here, without the product."""
    arms: dict[str, Arm] = {}
    control = [customer for customer in customers if not customer.mailed]
    control_revenue = Fraction(sum(customer.spend for customer in control))
    for variant in ARMS.values():
        of_arm = [customer for customer in customers if customer.variant == variant]
        revenue = Fraction(sum(customer.spend for customer in of_arm))
        cost = Fraction(sum(MAIL_COSTS for customer in of_arm if customer.mailed))
        arms[variant] = Arm(
            exposures=len(of_arm),
            visits=sum(customer.visited for customer in of_arm),
            conversions=sum(customer.converted for customer in of_arm),
            revenue=revenue,
            cost=cost,
            roas=to_six_places(revenue / cost) if cost else None,
            incremental_roi=incremental_roi(revenue, cost, len(of_arm), control_revenue, len(control)),
        )
    return arms


def incremental_roi(
    revenue: Fraction, cost: Fraction, customers: int, control_revenue: Fraction, control_customers: int
) -> str | None:
    """What the mails brought beyond what their readers would have spent unasked, for what they cost:
    (revenue − control's revenue per customer × customers − cost) / cost.
    """
    if not cost or not control_customers:
        return None
    unasked = control_revenue / control_customers * customers
    return to_six_places((revenue - unasked - cost) / cost)


def to_six_places(number: Fraction | float) -> str:
    """A return as it is printed."""
    exact = Fraction(number)
    millionths = round(exact * 10**6)
    sign = "-" if millionths < 0 else ""
    return f"{sign}{abs(millionths) // 10**6}.{abs(millionths) % 10**6:06}"
