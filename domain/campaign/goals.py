"""What a campaign wants to reach, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.shared.money import Money
from domain.shared.reading import Value

_LARGEST_GOAL = 10**12


@dataclass(frozen=True)
class Goals:
    """Each goal is optional; ``engagement`` counts opens and clicks."""

    conversions: int | None = None
    revenue: Money | None = None
    engagement: int | None = None

    def document(self) -> dict[str, Any]:
        """As every answer writes it: only the goals that are set."""
        document = {
            "conversions": self.conversions,
            "revenue": self.revenue and self.revenue.document(),
            "engagement": self.engagement,
        }
        return {name: goal for name, goal in document.items() if goal is not None}


@dataclass(frozen=True)
class Figures:
    """What a campaign has reached so far: counts, and money in minor units of its currency.

    ``spent`` may carry micros, so it is the text of a decimal number.
    """

    conversions: int = 0
    revenue: int = 0
    engagement: int = 0
    spent: str = "0"


def progress(goals: Goals, figures: Figures) -> dict[str, Any]:
    """For each goal that is set: what is ``reached``, and its ``share`` of the goal (1 is all of it)."""
    result: dict[str, Any] = {}
    if goals.conversions is not None:
        result["conversions"] = _progress(figures.conversions, figures.conversions, goals.conversions)
    if goals.revenue is not None:
        reached = Money(figures.revenue, goals.revenue.currency).document()
        result["revenue"] = _progress(reached, figures.revenue, goals.revenue.amount)
    if goals.engagement is not None:
        result["engagement"] = _progress(figures.engagement, figures.engagement, goals.engagement)
    return result


def read_goals(place: Value, currency: str | None) -> Goals:
    """Goals as a client sends them."""
    place.fields(("conversions", "revenue", "engagement"))
    return Goals(
        conversions=place.field("conversions").integer(1, _LARGEST_GOAL),
        revenue=place.field("revenue").money(currency, least=1),
        engagement=place.field("engagement").integer(1, _LARGEST_GOAL),
    )


def _progress(reached: Any, count: int, goal: int) -> dict[str, Any]:
    return {"reached": reached, "share": count / goal}
