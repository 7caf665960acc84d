"""Mean and variance of one arm from its summary."""

from __future__ import annotations

import math
from dataclasses import dataclass

from domain.ab_test.samples import Mean, Proportion, Ratio, Sample, Values


@dataclass(frozen=True, slots=True)
class Moments:
    """``variance`` is that of one contact's value, not of the mean."""

    n: int
    mean: float
    variance: float


def moments_of(sample: Sample) -> Moments | None:
    """None where there is nothing to reckon with: nobody, or one value alone (it has no variance)."""
    match sample:
        case Proportion(n, conversions):
            if n == 0 or not 0 <= conversions <= n:
                return None
            rate = conversions / n
            return Moments(n, rate, conversions * (n - conversions) / (n * n))
        case Mean():
            if sample.n < 2:
                return None
            return Moments(sample.n, sample.sum / sample.n, spread(sample.n, sample.sum, sample.sum_squares))
        case Ratio():
            return _ratio(sample)
        case Values():
            if sample.n < 2:
                return None
            mean = math.fsum(sample.values) / sample.n
            return Moments(sample.n, mean, math.fsum((value - mean) ** 2 for value in sample.values) / (sample.n - 1))
    return None


def spread(n: int, total: float, squares: float) -> float:
    """The sample variance (n − 1). Whole numbers are reckoned exactly, so no digit depends on their size."""
    return max(together(n, total, total, squares), 0.0)


def together(n: int, first: float, second: float, products: float) -> float:
    """The sample covariance (n − 1) from two sums and the sum of products."""
    if isinstance(first, int) and isinstance(second, int) and isinstance(products, int):
        return (n * products - first * second) / (n * (n - 1))
    return (products - first * second / n) / (n - 1)


def _ratio(sample: Ratio) -> Moments | None:
    """Delta method for a quotient of means: Deng, Knoblich and Lu 2018, equation 8."""
    if sample.n < 2 or sample.denominator_sum == 0:
        return None
    ratio = sample.sum / sample.denominator_sum
    size = sample.denominator_sum / sample.n
    variance = (
        spread(sample.n, sample.sum, sample.sum_squares)
        - 2 * ratio * together(sample.n, sample.sum, sample.denominator_sum, sample.sum_products)
        + ratio * ratio * spread(sample.n, sample.denominator_sum, sample.denominator_sum_squares)
    ) / (size * size)
    return Moments(sample.n, ratio, max(variance, 0.0))
