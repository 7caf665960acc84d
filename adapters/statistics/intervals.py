"""Intervals of one rate and of the difference of two. All are clipped to what a rate can be."""

from __future__ import annotations

import math

from scipy.special import betaincinv, ndtri

from adapters.statistics.always_valid_rate import always_valid_interval
from domain.ab_test.analysis import RateInterval

Bounds = tuple[float, float]


def rate_interval(kind: RateInterval, successes: int, n: int, alpha: float, tuning: float) -> Bounds:
    """The two-sided 1 − ``alpha`` interval of one rate, n ≥ 1."""
    match kind:
        case RateInterval.WILSON:
            return wilson(successes, n, alpha)
        case RateInterval.WALD:
            return wald(successes, n, alpha)
        case RateInterval.AGRESTI_COULL:
            return agresti_coull(successes, n, alpha)
        case RateInterval.EXACT:
            return exact(successes, n, alpha)
        case RateInterval.ALWAYS_VALID:
            return always_valid_interval(successes, n, alpha, tuning)


def wilson(successes: float, n: float, alpha: float) -> Bounds:
    """The score interval (Wilson 1927): the default, right for few conversions too."""
    z = -float(ndtri(alpha / 2))
    rate, squared = successes / n, z * z
    middle = (rate + squared / (2 * n)) / (1 + squared / n)
    radius = z / (1 + squared / n) * math.sqrt(rate * (1 - rate) / n + squared / (4 * n * n))
    low = 0.0 if successes == 0 else max(middle - radius, 0.0)
    return low, 1.0 if successes == n else min(middle + radius, 1.0)


def wald(successes: int, n: int, alpha: float) -> Bounds:
    """Rate ± z·√(p(1 − p)/n): the one of the textbooks; of no width where nobody or everybody converted."""
    rate = successes / n
    radius = -float(ndtri(alpha / 2)) * math.sqrt(rate * (1 - rate) / n)
    return max(rate - radius, 0.0), min(rate + radius, 1.0)


def agresti_coull(successes: int, n: int, alpha: float) -> Bounds:
    """Wald after adding z²/2 successes and z²/2 failures (Agresti and Coull 1998)."""
    z = -float(ndtri(alpha / 2))
    size = n + z * z
    rate = (successes + z * z / 2) / size
    radius = z * math.sqrt(rate * (1 - rate) / size)
    return max(rate - radius, 0.0), min(rate + radius, 1.0)


def exact(successes: int, n: int, alpha: float) -> Bounds:
    """Clopper and Pearson 1934, from beta quantiles: never too narrow."""
    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, alpha / 2))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1 - alpha / 2))
    return low, high


def newcombe(control: tuple[int, int], variant: tuple[int, int], alpha: float) -> Bounds:
    """Variant minus control from two Wilson intervals (Newcombe 1998, method 10): has width where Wald has
    none."""
    (x_c, n_c), (x_v, n_v) = control, variant
    (low_c, high_c), (low_v, high_v) = wilson(x_c, n_c, alpha), wilson(x_v, n_v, alpha)
    rate_c, rate_v = x_c / n_c, x_v / n_v
    difference = rate_v - rate_c
    return (
        difference - math.hypot(rate_v - low_v, high_c - rate_c),
        difference + math.hypot(high_v - rate_v, rate_c - low_c),
    )
