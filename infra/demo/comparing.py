"""Figures of the product beside the independent ones, as both are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from infra.demo.customers import Customer
from infra.demo.figures import Arm, to_six_places

STAGES = ("exposure", "click", "conversion")
NOTHING = "–"


@dataclass(frozen=True)
class Line:
    """One figure, as the product and as the independent source print it."""

    about: str
    figure: str
    ours: str
    independent: str

    @property
    def equal(self) -> bool:
        """Whether both print the same."""
        return self.ours == self.independent


def money(cents: Fraction | float) -> str:
    """Cents as dollars: 30311.69. Fractions of a cent are printed, not rounded away."""
    exact = Fraction(str(cents))
    if exact.denominator != 1:
        return str(float(exact / 100))
    return f"{'-' if exact < 0 else ''}{abs(int(exact)) // 100}.{abs(int(exact)) % 100:02}"


def figures_of(arm: Arm | None) -> list[tuple[str, str]]:
    """The name and the text of each figure of an arm."""
    return [
        ("exposures", str(arm.exposures) if arm else NOTHING),
        ("visits", str(arm.visits) if arm else NOTHING),
        ("conversions", str(arm.conversions) if arm else NOTHING),
        ("revenue", money(arm.revenue) if arm else NOTHING),
        ("cost", money(arm.cost) if arm else NOTHING),
        ("ROAS", (arm.roas if arm else None) or NOTHING),
        ("incremental ROI", (arm.incremental_roi if arm else None) or NOTHING),
    ]


def lines_of_arms(ours: Mapping[str, Arm], independent: Mapping[str, Arm]) -> list[Line]:
    """A line for each figure of each arm that has customers."""
    return [
        Line(variant, name, mine, theirs)
        for variant, expected in independent.items()
        if expected.exposures
        for (name, mine), (_, theirs) in zip(figures_of(ours.get(variant)), figures_of(expected), strict=True)
    ]


def lines_of_funnel(stages: Sequence[dict[str, Any]], customers: Sequence[Customer]) -> list[Line]:
    """A line for each stage of the funnel by customer: who converted without a visit did not come through."""
    visits = sum(customer.visited for customer in customers)
    both = sum(customer.visited and customer.converted for customer in customers)
    found = {stage["stage"]: stage["count"] for stage in stages}
    return [
        Line("funnel", f"customers at {stage}", str(found.get(stage, NOTHING)), str(count))
        for stage, count in zip(STAGES, (len(customers), visits, both), strict=True)
    ]


def lines_of_roi(roi: Mapping[str, Any], independent: Mapping[str, Arm]) -> list[Line]:
    """A line for each figure of the whole campaign's return."""
    revenue = sum((arm.revenue for arm in independent.values()), Fraction(0))
    cost = sum((arm.cost for arm in independent.values()), Fraction(0))
    expected = to_six_places((revenue - cost) / cost) if cost else NOTHING
    return [
        Line("campaign", "revenue", money(roi["revenue"]), money(revenue)),
        Line("campaign", "cost", money(roi["cost"]), money(cost)),
        Line("campaign", "profit", money(roi["profit"]), money(revenue - cost)),
        Line("campaign", "ROI", NOTHING if roi["roi"] is None else to_six_places(roi["roi"]), expected),
    ]
