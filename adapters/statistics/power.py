"""How many contacts find an effect, and how surely a number of contacts finds it.

Rates, two references: R's ``power.prop.test`` takes the variance under "no difference" from both arms
pooled (20 % against 25 %: 1,094 an arm), Evan Miller's calculator from the baseline alone (1,030, rounded
to the nearest). Means: Student's t with a noncentral distribution, as R's ``power.t.test``. Sequential: the
always-valid interval at the planned size leaves out 0 with the asked power.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import nctdtr, ndtr, ndtri

from adapters.statistics.sequential import multiplier
from adapters.statistics.tails import critical_t, critical_z
from domain.ab_test.analysis import Alternative
from domain.ab_test.plan import Approach, Correction
from domain.ab_test.sizing import NullVariance, PlanAnswer, PlanRequest

LEAST = 2.0
LARGEST = 1e18


@dataclass(frozen=True)
class _Rule:
    """One way to plan: power of a size, size for a power (one arm's), and how sizes are rounded."""

    formula: str
    power: Callable[[float], float]
    size: Callable[[float], float]
    rounded: Callable[[float], int] = math.ceil


def planned(request: PlanRequest) -> PlanAnswer:
    """The size for the power, or the power of the size; the request has been checked."""
    comparisons = request.variants - 1
    corrected = comparisons > 1 and request.correction is not Correction.NONE
    alpha = (1 - request.confidence) / (comparisons if corrected else 1)
    rule = _rule(request, alpha)
    formula = rule.formula
    if corrected:
        formula += f"; the error divided by {comparisons} comparisons"
    elif comparisons > 1:
        formula += "; each comparison by itself, no correction"
    if request.n_per_variant is not None:
        size, exact = request.n_per_variant, float(request.n_per_variant)
        power = rule.power(exact)
    else:
        power = request.power or 0.0
        exact = rule.size(power)
        size = rule.rounded(exact)
    days = None
    if request.contacts_per_day is not None:
        days = math.ceil(size * request.variants / request.contacts_per_day)
    return PlanAnswer(size, power, days, formula, exact)


def _rule(request: PlanRequest, alpha: float) -> _Rule:
    effect = abs(request.minimum_effect * (request.baseline if request.relative else 1))
    if request.analysis is Approach.SEQUENTIAL:
        return _sequential(request, effect, alpha)
    if request.deviation is not None:
        return _t_test(effect / request.deviation, alpha, request.alternative)
    return _z_test(request, effect, critical_z(alpha, request.alternative))


def _z_test(request: PlanRequest, effect: float, z: float) -> _Rule:
    """n = (z_α·√null + z_power·√other)² / effect², and the same solved for the power."""
    pooled = request.null_variance is NullVariance.POOLED
    first, second = _rates(request)
    middle = (first + second) / 2 if pooled else first
    null, other = math.sqrt(2 * middle * (1 - middle)), math.sqrt(first * (1 - first) + second * (1 - second))
    return _Rule(
        "two-proportion z-test, null variance "
        + ("pooled (R power.prop.test)" if pooled else "of the baseline, rounded to the nearest (Evan Miller)"),
        power=lambda n: float(ndtr((math.sqrt(n) * effect - z * null) / other)),
        size=lambda power: max(LEAST, ((z * null + float(ndtri(power)) * other) / effect) ** 2),
        rounded=math.ceil if pooled else round,
    )


def _rates(request: PlanRequest) -> tuple[float, float]:
    first = request.baseline
    return first, first + request.minimum_effect * (first if request.relative else 1)


def _t_test(shift: float, alpha: float, alternative: Alternative) -> _Rule:
    def power(n: float) -> float:
        degrees = 2 * (n - 1)
        return 1 - float(nctdtr(degrees, math.sqrt(n / 2) * shift, critical_t(alpha, degrees, alternative)))

    def size(wanted: float) -> float:
        return _least(power, wanted, _normal_size(shift, 2.0, alpha, wanted))

    return _Rule("two-sample t-test, noncentral t (R power.t.test)", power, size)


def _sequential(request: PlanRequest, effect: float, alpha: float) -> _Rule:
    if request.deviation is not None:
        variance = 2 * request.deviation**2
    else:
        first, second = _rates(request)
        variance = first * (1 - first) + second * (1 - second)

    def power(n: float) -> float:
        reach = multiplier(2 * n, alpha, request.tuning, request.alternative)
        return float(ndtr(effect / math.sqrt(variance / n) - reach))

    def size(wanted: float) -> float:
        return _least(power, wanted, 2 * _normal_size(effect, variance, alpha, wanted))

    return _Rule(
        f"always-valid interval (Waudby-Smith et al., tuning {request.tuning:g}) leaves out 0 at this size",
        power,
        size,
    )


def _least(power: Callable[[float], float], wanted: float, near: float) -> float:
    """The least size with this power, which rises with the size; the search begins ``near`` it."""
    high = min(max(near, LEAST), LARGEST)
    while high < LARGEST and power(high) < wanted:
        high *= 2
    low = max(high / 2, LEAST)
    while low > LEAST and power(low) >= wanted:
        high, low = low, max(low / 2, LEAST)
    if high >= LARGEST:
        return LARGEST
    if power(low) >= wanted:
        return low
    return float(brentq(lambda n: power(n) - wanted, low, high, xtol=1e-9, rtol=1e-13))


def _normal_size(effect: float, variance: float, alpha: float, power: float) -> float:
    """About how many, if the statistic were normal with this variance (times n of one arm)."""
    return variance * ((float(ndtri(power)) - float(ndtri(alpha / 2))) / effect) ** 2
