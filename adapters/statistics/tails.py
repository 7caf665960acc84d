"""From a statistic to a p-value, and from a level to a critical value."""

from __future__ import annotations

import sys

from scipy.special import ndtr, ndtri, stdtr, stdtrit

from domain.ab_test.analysis import Alternative

SMALLEST = sys.float_info.min


def never_zero(p: float) -> float:
    """A p-value that underflows is shown as the smallest number there is (2.2e-308), never as 0."""
    return min(max(p, SMALLEST), 1.0)


def p_of_z(z: float, alternative: Alternative) -> float:
    """The normal tail beyond ``z``; both tails if two-sided."""
    if alternative is Alternative.TWO_SIDED:
        return never_zero(2 * float(ndtr(-abs(z))))
    return never_zero(float(ndtr(-z if alternative is Alternative.GREATER else z)))


def p_of_t(t: float, degrees: float, alternative: Alternative) -> float:
    """The tail of Student's t beyond ``t``; both tails if two-sided."""
    if alternative is Alternative.TWO_SIDED:
        return never_zero(2 * float(stdtr(degrees, -abs(t))))
    return never_zero(float(stdtr(degrees, -t if alternative is Alternative.GREATER else t)))


def critical_z(alpha: float, alternative: Alternative) -> float:
    """The z that is exceeded with probability ``alpha`` (both sides together if two-sided)."""
    return -float(ndtri(alpha / 2 if alternative is Alternative.TWO_SIDED else alpha))


def critical_t(alpha: float, degrees: float, alternative: Alternative) -> float:
    """The t that is exceeded with probability ``alpha`` (both sides together if two-sided)."""
    return -float(stdtrit(degrees, alpha / 2 if alternative is Alternative.TWO_SIDED else alpha))


def around(estimate: float, radius: float, alternative: Alternative) -> tuple[float | None, float | None]:
    """The interval that goes with the alternative; one-sided ones are open at the far end."""
    low = None if alternative is Alternative.LESS else estimate - radius
    high = None if alternative is Alternative.GREATER else estimate + radius
    return low, high
