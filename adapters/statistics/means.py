"""Means held against each other: Welch's t for two, analysis of variance for many."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import fdtrc

from adapters.statistics.effect import Effect
from adapters.statistics.moments import Moments
from adapters.statistics.tails import around, critical_t, never_zero, p_of_t
from domain.ab_test.analysis import Alternative, Interval, Overall


def welch(effect: Effect, alpha: float, alternative: Alternative) -> tuple[float, float, Interval]:
    """t, p and interval without the belief that both arms vary alike (Welch 1947)."""
    t, degrees = effect.statistic, effect.degrees_of_freedom
    radius = critical_t(alpha, degrees, alternative) * effect.standard_error
    return t, p_of_t(t, degrees, alternative), around(effect.estimate, radius, alternative)


def analysis_of_variance(arms: Sequence[Moments]) -> Overall | None:
    """Fisher's F from summaries. None where nothing varies within the arms."""
    total = sum(arm.n for arm in arms)
    within_degrees = total - len(arms)
    grand = math.fsum(arm.n * arm.mean for arm in arms) / total
    between = math.fsum(arm.n * (arm.mean - grand) ** 2 for arm in arms) / (len(arms) - 1)
    within = math.fsum((arm.n - 1) * arm.variance for arm in arms) / within_degrees if within_degrees > 0 else 0.0
    if not within > 0:
        return None
    statistic = between / within
    p_value = never_zero(float(fdtrc(len(arms) - 1, within_degrees, statistic)))
    return Overall(statistic, len(arms) - 1, p_value, within=within_degrees)


def mean_interval(arm: Moments, alpha: float) -> Interval:
    """The two-sided 1 − ``alpha`` t-interval of one mean."""
    radius = critical_t(alpha, arm.n - 1, Alternative.TWO_SIDED) * math.sqrt(arm.variance / arm.n)
    return arm.mean - radius, arm.mean + radius
