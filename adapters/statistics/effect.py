"""The difference between two arms, with its standard error: absolute, or relative by the delta method."""

from __future__ import annotations

import math
from dataclasses import dataclass

from adapters.statistics.moments import Moments
from domain.ab_test.analysis import Difference


@dataclass(frozen=True, slots=True)
class Effect:
    """``n`` is both arms together. A ``note`` says why there is no answer: ``estimate`` is then 0, p is 1."""

    estimate: float
    standard_error: float
    n: int
    degrees_of_freedom: float
    note: str | None = None

    @property
    def statistic(self) -> float:
        """Estimate over standard error."""
        return self.estimate / self.standard_error


def effect_of(control: Moments, variant: Moments, difference: Difference) -> Effect:
    """Variant minus control, or that as a share of the control.

    The relative one has variance s²_b/(n_b·m_a²) + s²_a·m_b²/(n_a·m_a⁴) (delta method, as GrowthBook).
    Degrees of freedom are Welch and Satterthwaite's of the absolute difference in both cases. Against a
    control of 0 or below there is no relative difference: the answer is neutral and says so.
    """
    n = control.n + variant.n
    control_part = control.variance / control.n
    variant_part = variant.variance / variant.n
    degrees = welch_degrees(control, variant)
    if difference is Difference.ABSOLUTE:
        return judged(variant.mean - control.mean, control_part + variant_part, n, degrees)
    if control.mean <= 0:
        return Effect(0.0, 0.0, n, degrees, "no relative difference: the control's figure is 0 or below")
    ratio = variant.mean / control.mean
    return judged(
        (variant.mean - control.mean) / control.mean,
        (variant_part + control_part * ratio * ratio) / (control.mean * control.mean),
        n,
        degrees,
    )


def judged(estimate: float, variance: float, n: int, degrees: float) -> Effect:
    """An effect, with the note that belongs to one that cannot be judged."""
    if not (math.isfinite(estimate) and math.isfinite(variance)):
        return Effect(0.0, 0.0, n, degrees, "the figures are too far apart to reckon with")
    if variance > 0:
        return Effect(estimate, math.sqrt(variance), n, degrees)
    note = "no variance in either arm: nothing can be told from these figures"
    return Effect(estimate, 0.0, n, degrees, note)


def welch_degrees(control: Moments, variant: Moments) -> float:
    """Welch and Satterthwaite's approximation; the smaller arm's where neither varies."""
    a, b = control.variance / control.n, variant.variance / variant.n
    if not a + b > 0:
        return float(max(min(control.n, variant.n) - 1, 1))
    part = a / (a + b)
    return 1 / (part * part / max(control.n - 1, 1) + (1 - part) ** 2 / max(variant.n - 1, 1))
