"""How many contacts a test needs, and how long that takes (api.md §6 ``plan``)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.ab_test.analysis import Alternative
from domain.ab_test.plan import Approach, Correction


class NullVariance(StrEnum):
    """Whose variance holds if there is no difference: both arms' pooled (R), or the baseline's (Evan
    Miller)."""

    POOLED = "pooled"
    BASELINE = "baseline"


@dataclass(frozen=True)
class PlanRequest:
    """Give ``n_per_variant`` to be told the power, or ``power`` to be told the size.

    ``baseline`` is a rate; with a ``deviation`` (of one contact's value) it is a mean. ``minimum_effect``
    is absolute unless ``relative``. ``correction`` other than none divides the error by the number of
    comparisons.
    """

    baseline: float
    minimum_effect: float
    relative: bool = False
    confidence: float = 0.95
    power: float | None = 0.8
    n_per_variant: int | None = None
    variants: int = 2
    contacts_per_day: float | None = None
    alternative: Alternative = Alternative.TWO_SIDED
    null_variance: NullVariance = NullVariance.POOLED
    deviation: float | None = None
    correction: Correction = Correction.NONE
    analysis: Approach = Approach.FIXED
    tuning: float = 5000


@dataclass(frozen=True)
class PlanAnswer:
    """``exact`` is the size before rounding; ``days`` needs ``contacts_per_day``; ``formula`` names the
    choice."""

    n_per_variant: int
    power: float
    days: int | None
    formula: str
    exact: float
