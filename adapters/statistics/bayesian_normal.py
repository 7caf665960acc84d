"""A difference that is about normal, held against a normal prior on the same difference (as GrowthBook).

Used for means, and for rates where somebody has a belief about the lift rather than about each rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri

from adapters.statistics.effect import Effect
from domain.ab_test.analysis import NormalPrior


@dataclass(frozen=True, slots=True)
class NormalPosterior:
    """What is known of the difference afterwards."""

    mean: float
    deviation: float

    @property
    def chance_to_beat(self) -> float:
        """P(difference > 0)."""
        return float(ndtr(self.mean / self.deviation))

    @property
    def loss(self) -> float:
        """E[max(−difference, 0)]: what choosing the variant costs on average."""
        return self.loss_control - self.mean if self.mean < 0 else self._tail(self.mean)

    @property
    def loss_control(self) -> float:
        """E[max(difference, 0)]: what staying with the control costs on average."""
        return self._tail(-self.mean) if self.mean < 0 else self._tail(self.mean) + self.mean

    def interval(self, alpha: float) -> tuple[float, float]:
        """The middle 1 − ``alpha``."""
        radius = -float(ndtri(alpha / 2)) * self.deviation
        return self.mean - radius, self.mean + radius

    def _tail(self, distance: float) -> float:
        """E[max(−X, 0)] for X normal around ``distance`` ≥ 0: σφ(d/σ) − dΦ(−d/σ)."""
        z = distance / self.deviation
        return max(self.deviation * math.exp(-z * z / 2) / math.sqrt(2 * math.pi) - distance * float(ndtr(-z)), 0.0)


def posterior(effect: Effect, prior: NormalPrior) -> NormalPosterior:
    """Precision-weighted mean of belief and figure; without a variance the prior says nothing."""
    if prior.variance is None:
        return NormalPosterior(effect.estimate, effect.standard_error)
    known, believed = 1 / effect.standard_error**2, 1 / prior.variance
    return NormalPosterior(
        (effect.estimate * known + prior.mean * believed) / (known + believed),
        1 / math.sqrt(known + believed),
    )
