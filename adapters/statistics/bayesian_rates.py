"""Two rates with beta posteriors: how likely is one above the other, and what does a wrong choice cost.

Exact up to quadrature, whatever the counts (the closed sums of Evan Miller and Chris Stucchio need a term
for each conversion): P(B > A) = ∫ f_B(x) F_A(x) dx, the expected loss of choosing B = E[max(A − B, 0)]. The
integral runs over the narrower posterior, in the angle arcsin √x, in which all beta densities are about
equally wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, ndtri

from domain.ab_test.analysis import Difference

Array = NDArray[np.float64]
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)
CLOSE = 1e-10
ROUNDS = 60
FURTHEST_LOG = 700.0


@dataclass(frozen=True)
class BetaPosterior:
    """Beta(alpha, beta): what is known of one rate."""

    alpha: float
    beta: float

    @property
    def mean(self) -> float:
        """alpha / (alpha + beta)."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def deviation(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.mean * (1 - self.mean) / (self.alpha + self.beta + 1))

    @cached_property
    def reach(self) -> tuple[float, float]:
        """The rates between which practically all of the posterior lies."""
        middle = math.asin(math.sqrt(self.mean))
        deviations = 8.5 + 5.5 / math.sqrt(min(self.alpha, self.beta))  # few counts: a longer tail
        reach = deviations * 0.5 / math.sqrt(self.alpha + self.beta + 1)
        return math.sin(max(middle - reach, 0.0)) ** 2, math.sin(min(middle + reach, math.pi / 2)) ** 2

    @cached_property
    def nodes(self) -> tuple[Array, Array]:
        """Points and weights that integrate over this posterior; the weights sum to one."""
        points, weights = self.nodes_between(*self.reach)
        return points, weights / weights.sum()

    def nodes_between(self, low: float, high: float) -> tuple[Array, Array]:
        """Points and weights that integrate over the posterior between two rates."""
        start, end = math.asin(math.sqrt(low)), math.asin(math.sqrt(high))
        angle = (end - start) / 2 * NODES + (end + start) / 2
        log_density = (2 * self.alpha - 1) * np.log(np.sin(angle)) + (2 * self.beta - 1) * np.log(np.cos(angle))
        weights = (end - start) * WEIGHTS * np.exp(log_density - float(betaln(self.alpha, self.beta)))
        return np.sin(angle) ** 2, weights

    def below(self, x: Array) -> Array:
        """P(rate ≤ x)."""
        return np.asarray(betainc(self.alpha, self.beta, np.clip(x, 0.0, 1.0)), dtype=np.float64)

    def density(self, x: Array) -> Array:
        """The density, 0 outside (0, 1)."""
        inside = np.clip(x, 1e-300, 1 - 1e-16)
        log_density = (
            (self.alpha - 1) * np.log(inside)
            + (self.beta - 1) * np.log1p(-inside)
            - float(betaln(self.alpha, self.beta))
        )
        return np.where((x > 0) & (x < 1), np.exp(log_density), 0.0)

    def loss_above(self, x: Array, below: Array) -> Array:
        """E[max(rate − x, 0)], given P(rate ≤ x)."""
        with np.errstate(divide="ignore"):
            step = np.exp(
                self.alpha * np.log(x)
                + self.beta * np.log1p(-x)
                - math.log(self.alpha)
                - float(betaln(self.alpha, self.beta))
            )
        return np.maximum(self.mean * (1 - below + step) - x * (1 - below), 0.0)


@dataclass(frozen=True)
class Chances:
    """``beat``: P(variant > control). ``loss``: what choosing the variant costs on average,
    ``loss_control`` the control; both in the unit of the rate."""

    beat: float
    loss: float
    loss_control: float


def chances(control: BetaPosterior, variant: BetaPosterior) -> Chances:
    """Everything that one pass over the narrower posterior tells."""
    flipped = control.deviation < variant.deviation
    narrow, wide = (control, variant) if flipped else (variant, control)
    x, weight = narrow.nodes
    below = wide.below(x)
    narrow_wins = float(weight @ below)
    wide_loss = wide.loss_above(x, below)
    loss_narrow = float(weight @ wide_loss)
    loss_wide = float(weight @ np.maximum(wide_loss + x - wide.mean, 0.0))
    if flipped:
        return Chances(1 - narrow_wins, loss_wide, loss_narrow)
    return Chances(narrow_wins, loss_narrow, loss_wide)


def credible_interval(
    control: BetaPosterior, variant: BetaPosterior, difference: Difference, alpha: float
) -> tuple[float, float]:
    """The middle 1 − ``alpha`` of variant − control, or of variant / control − 1."""
    return (
        _quantile(control, variant, difference, alpha / 2),
        _quantile(control, variant, difference, 1 - alpha / 2),
    )


def _quantile(control: BetaPosterior, variant: BetaPosterior, difference: Difference, part: float) -> float:
    """Newton's steps on the distribution of the difference, or of log(variant / control), kept in a bracket
    that closes on every step."""
    relative = difference is Difference.RELATIVE
    if relative:
        low, high = -FURTHEST_LOG, FURTHEST_LOG
        middle = math.log(variant.mean / control.mean)
        spread = math.hypot(variant.deviation / variant.mean, control.deviation / control.mean)
    else:
        low, high = -1.0, 1.0
        middle = variant.mean - control.mean
        spread = math.hypot(variant.deviation, control.deviation)
    at = middle + float(ndtri(part)) * spread
    for _ in range(ROUNDS):
        if not low < at < high:
            at = (low + high) / 2
        reached, slope = _distribution(control, variant, at, relative=relative)
        off = reached - part
        if abs(off) < CLOSE:
            break
        low, high = (low, at) if off > 0 else (at, high)
        at = at - off / slope if slope > 0 else (low + high) / 2
    return math.expm1(at) if relative else at


def _distribution(control: BetaPosterior, variant: BetaPosterior, at: float, *, relative: bool) -> tuple[float, float]:
    """P(difference ≤ at), and its density there; ``relative`` means the logarithm of the quotient."""
    flipped = control.deviation < variant.deviation
    narrow, wide = (control, variant) if flipped else (variant, control)
    move = at if flipped else -at
    scale, shift = (math.exp(move), 0.0) if relative else (1.0, move)
    low, high = narrow.reach
    first, last = max(low, -shift / scale), min(high, (1 - shift) / scale)
    beyond = 0.0
    if (first, last) == (low, high):
        x, weight = narrow.nodes
    else:
        # Where the moved rate would leave 0 to 1 its distribution has a corner: integrate up to it only.
        beyond = 1 - float(betainc(narrow.alpha, narrow.beta, min(max((1 - shift) / scale, 0.0), 1.0)))
        if first >= last:
            return (beyond if flipped else 1 - beyond), 0.0
        x, weight = narrow.nodes_between(first, last)
    there = scale * x + shift
    reached = beyond + float(weight @ wide.below(there))
    slope = float(weight @ (wide.density(there) * (there if relative else 1.0)))
    return (reached if flipped else 1 - reached), slope
