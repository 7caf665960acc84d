"""Bounds for a few planned looks: the error is spent over them, most of it at the end.

Lan and DeMets 1983 with O'Brien–Fleming-type spending. References differ: here each side spends 2 −
2Φ(z(level/2)/√t) of its own level (bounds 4.333, 2.963, 2.359, 2.014 for four looks at 5 % two-sided), not
both sides together (3.920, 2.774, 2.298, 2.043). ``power`` spends level·t² (Kim and DeMets 1987, as
Spotify). Bounds by recursive integration (Armitage, McPherson and Rowe 1969).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from domain.ab_test.analysis import Spending

NODES, WEIGHTS = np.polynomial.legendre.leggauss(256)
FURTHEST = 38.0
Array = NDArray[np.float64]


def spent(spending: Spending, level: float, information: float) -> float:
    """How much of one side's ``level`` may be used up at this part of the planned size."""
    if spending is Spending.POWER:
        return level * information * information
    return 2 * float(ndtr(float(ndtri(level / 2)) / math.sqrt(information)))


@lru_cache(maxsize=256)
def z_bounds(information: tuple[float, ...], alpha: float, sides: int, spending: Spending) -> tuple[float, ...]:
    """The z that must be passed at each look. ``information`` rises to at most 1; ``sides`` is 1 or 2."""
    level = alpha / sides
    bounds: list[float] = []
    points, weights = np.zeros(1), np.ones(1)
    before, used = 0.0, 0.0
    for now in information:
        allowed = spent(spending, level, now)
        step = math.sqrt(now - before)
        at = _bound(points, weights, step, allowed - used)
        bounds.append(at / math.sqrt(now))
        low = -at if sides == 2 else min(-10.0 * math.sqrt(now), at - 1.0)
        points, weights = _carry_on(points, weights, step, low, at)
        before, used = now, allowed
    return tuple(bounds)


def _bound(points: Array, weights: Array, step: float, allowed: float) -> float:
    def too_much(at: float) -> float:
        return float(np.sum(weights * ndtr((points - at) / step))) - allowed

    furthest = float(points[-1]) + FURTHEST * step
    if too_much(furthest) >= 0:
        return furthest
    return float(brentq(too_much, float(points[0]) - FURTHEST * step, furthest, xtol=1e-12))


def _carry_on(points: Array, weights: Array, step: float, low: float, high: float) -> tuple[Array, Array]:
    """The paths that have crossed no bound yet, spread over where they stand now."""
    high = min(high, 10.0)
    low = max(low, -10.0)
    now = (high - low) / 2 * NODES + (high + low) / 2
    steps = (now[:, None] - points[None, :]) / step
    density = np.exp(-0.5 * steps * steps) / (step * math.sqrt(2 * math.pi)) @ weights
    return now, density * WEIGHTS * (high - low) / 2


def spent_so_far(information: Sequence[float], alpha: float, sides: int, spending: Spending) -> tuple[float, ...]:
    """The error used up at each look, both sides together."""
    return tuple(sides * spent(spending, alpha / sides, now) for now in information)
