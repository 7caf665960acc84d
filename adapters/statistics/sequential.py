"""Always-valid intervals and p-values: right however often one looks, and whenever one stops.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, equation 9, as
in GrowthBook: the normal mixture at intrinsic time n, in units of the standard error. ``tuning`` is the n
at which the interval is narrowest.
"""

from __future__ import annotations

import math

from adapters.statistics.normal_mixture import best_rho, bound, log_mixture
from adapters.statistics.tails import never_zero
from domain.ab_test.analysis import Alternative


def multiplier(n: float, alpha: float, tuning: float, alternative: Alternative) -> float:
    """How many standard errors the interval reaches at ``n`` contacts (both arms together)."""
    one_sided = alternative is not Alternative.TWO_SIDED
    return bound(n, alpha, _rho(alpha, tuning, one_sided), one_sided=one_sided) / math.sqrt(n)


def always_valid_p(z: float, n: float, alpha: float, tuning: float, alternative: Alternative) -> float:
    """One over the evidence, at most 1. It is at or below ``alpha`` just where the interval leaves out 0."""
    one_sided = alternative is not Alternative.TWO_SIDED
    toward = -z if alternative is Alternative.LESS else z
    evidence = log_mixture(toward * math.sqrt(n), n, _rho(alpha, tuning, one_sided), one_sided=one_sided)
    return never_zero(math.exp(-evidence)) if evidence > 0 else 1.0


def _rho(alpha: float, tuning: float, one_sided: bool) -> float:
    return best_rho(tuning, 2 * alpha if one_sided else alpha)
