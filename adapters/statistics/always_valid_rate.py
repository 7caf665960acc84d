"""An interval of one rate that holds at any look: the beta-binomial mixture of Howard et al. 2021, appendix
A.

The same as ``bernoulli_confidence_interval`` of their package ``confseq``: every rate is tested by a
mixture of alternatives around it, and those not refused form the interval.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import betaln

from adapters.statistics.normal_mixture import best_rho

EDGE = 1e-12
OPTIMAL_ALPHA = 0.05
LEAST_WIDTH = 1e-3


def always_valid_interval(successes: int, n: int, alpha: float, tuning: float) -> tuple[float, float]:
    """All rates that ``successes`` of ``n`` do not refuse; narrowest near ``tuning`` trials."""
    refused = -math.log(alpha)

    def beyond(rate: float) -> float:
        return _log_evidence(successes, n, rate, tuning) - refused

    seen = min(max(successes / n, EDGE), 1 - EDGE)
    low = float(brentq(beyond, EDGE, seen, xtol=1e-15)) if successes > 0 and beyond(EDGE) > 0 else 0.0
    high = float(brentq(beyond, seen, 1 - EDGE, xtol=1e-15)) if successes < n and beyond(1 - EDGE) > 0 else 1.0
    return low, high


def _log_evidence(successes: int, n: int, rate: float, tuning: float) -> float:
    spread = rate * (1 - rate)
    width = max(best_rho(tuning * spread, OPTIMAL_ALPHA) - spread, LEAST_WIDTH * spread)
    alpha, beta = width / (1 - rate), width / rate
    return (
        float(betaln(alpha + successes, beta + n - successes) - betaln(alpha, beta))
        - successes * math.log(rate)
        - (n - successes) * math.log1p(-rate)
    )
