"""CUPED: what was known of the same contacts before the test explains part of the noise, which is taken off.

Deng, Xu, Kohavi and Walker 2013. The slope θ is that of both arms joined into one sample. References differ
on the relative difference: here, as in GrowthBook, it divides by the unadjusted control mean, and the
gradient of its delta method takes the covariate's mean as equal in both arms, which randomisation makes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.statistics.effect import Effect, judged, welch_degrees
from adapters.statistics.moments import Moments, spread, together
from domain.ab_test.analysis import Difference
from domain.ab_test.samples import Covariate, Mean


@dataclass(frozen=True, slots=True)
class _Both:
    """One arm: the metric, the covariate, and how they go together."""

    metric: Moments
    before: Moments
    covariance: float

    def adjusted(self, slope: float) -> Moments:
        variance = self.metric.variance + slope * slope * self.before.variance - 2 * slope * self.covariance
        return Moments(self.metric.n, self.metric.mean - slope * self.before.mean, max(variance, 0.0))


def slope(control: Mean, variant: Mean) -> float:
    """θ: covariance over variance of the covariate, both arms as one sample; 0 where the covariate never
    varies."""
    a, b = _covariate(control), _covariate(variant)
    n = control.n + variant.n
    varies = spread(n, a.sum + b.sum, a.sum_squares + b.sum_squares)
    if varies <= 0:
        return 0.0
    return together(n, control.sum + variant.sum, a.sum + b.sum, a.sum_products + b.sum_products) / varies


def adjusted_moments(sample: Mean, theta: float) -> Moments:
    """Mean and variance of what is left of the metric after the covariate's part is taken off."""
    return _both(sample).adjusted(theta)


def cuped_effect(control: Mean, variant: Mean, difference: Difference) -> Effect:
    """Variant minus control after adjustment; both have a covariate and at least two contacts."""
    theta = slope(control, variant)
    a, b = _both(control), _both(variant)
    left_a, left_b = a.adjusted(theta), b.adjusted(theta)
    n, degrees = control.n + variant.n, welch_degrees(left_a, left_b)
    change = left_b.mean - left_a.mean
    if difference is Difference.ABSOLUTE:
        return judged(change, left_a.variance / a.metric.n + left_b.variance / b.metric.n, n, degrees)
    base = a.metric.mean
    if base <= 0:
        return Effect(0.0, 0.0, n, degrees, "no relative difference: the control's figure is 0 or below")
    ratio = b.metric.mean / base
    control_part = (
        ratio * ratio * a.metric.variance + theta * theta * a.before.variance - 2 * ratio * theta * a.covariance
    )
    return judged(change / base, (left_b.variance / b.metric.n + control_part / a.metric.n) / (base * base), n, degrees)


def _covariate(sample: Mean) -> Covariate:
    if sample.covariate is None:
        raise ValueError("CUPED needs a covariate in both arms")
    return sample.covariate


def _both(sample: Mean) -> _Both:
    before = _covariate(sample)
    return _Both(
        Moments(sample.n, sample.sum / sample.n, spread(sample.n, sample.sum, sample.sum_squares)),
        Moments(sample.n, before.sum / sample.n, spread(sample.n, before.sum, before.sum_squares)),
        together(sample.n, sample.sum, before.sum, before.sum_products),
    )
