"""The normal mixture: how far a sum of noise ever strays, whenever one looks.

Howard, Ramdas, McAuliffe and Sekhon 2021 ("Time-uniform, nonparametric, nonasymptotic confidence sequences",
section 3.2); the same function as in their package ``confseq``.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import log_ndtr


def best_rho(optimal: float, alpha: float) -> float:
    """The mixture's width that makes the bound tightest at intrinsic time ``optimal``."""
    spent = -2 * math.log(alpha)
    return optimal / (spent + math.log(1 + spent))


def log_mixture(total: float, time: float, rho: float, *, one_sided: bool = False) -> float:
    """Evidence (log) against no drift, from a sum ``total`` at intrinsic ``time``."""
    two_sided = 0.5 * math.log(rho / (time + rho)) + total * total / (2 * (time + rho))
    if not one_sided:
        return two_sided
    return two_sided + math.log(2) + float(log_ndtr(total / math.sqrt(time + rho)))


def bound(time: float, alpha: float, rho: float, *, one_sided: bool = False) -> float:
    """The sum that noise alone exceeds with probability ``alpha`` at most, at any time at all."""
    if not one_sided:
        return math.sqrt((time + rho) * math.log((time + rho) / (rho * alpha * alpha)))
    furthest = bound(time, alpha, rho)
    return float(
        brentq(
            lambda total: log_mixture(total, time, rho, one_sided=True) + math.log(alpha),
            0,
            furthest,
            xtol=1e-12,
        )
    )
