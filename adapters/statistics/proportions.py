"""Two rates held against each other. The first pair is the control, (conversions, n)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from adapters.statistics.tails import never_zero
from domain.ab_test.analysis import Alternative

FISHER_LIMIT = 1_000_000
SIDES: Mapping[Alternative, Literal["two-sided", "greater", "less"]] = {
    Alternative.TWO_SIDED: "two-sided",
    Alternative.GREATER: "greater",
    Alternative.LESS: "less",
}
Counts = tuple[int, int]


def pooled_z(control: Counts, variant: Counts) -> float | None:
    """(p_v − p_c) / √(p(1 − p)(1/n_c + 1/n_v)) with p of both arms: the seeds' test. Its square is Pearson's
    chi-square. None where nobody or everybody converted: there is nothing to tell apart."""
    (x_c, n_c), (x_v, n_v) = control, variant
    converted, total = x_c + x_v, n_c + n_v
    if converted in (0, total):
        return None
    rate = converted / total
    return (x_v / n_v - x_c / n_c) / math.sqrt(rate * (1 - rate) * (1 / n_c + 1 / n_v))


def unpooled_z(control: Counts, variant: Counts) -> float | None:
    """(p_v − p_c) / √(p_c(1 − p_c)/n_c + p_v(1 − p_v)/n_v), as Spotify. None where neither rate varies."""
    (x_c, n_c), (x_v, n_v) = control, variant
    rate_c, rate_v = x_c / n_c, x_v / n_v
    variance = rate_c * (1 - rate_c) / n_c + rate_v * (1 - rate_v) / n_v
    return (rate_v - rate_c) / math.sqrt(variance) if variance > 0 else None


def fisher(control: Counts, variant: Counts, alternative: Alternative) -> tuple[float | None, float] | None:
    """Odds ratio and exact p (Fisher 1935; two-sided: all tables as unlikely as this one, as R).

    None above a million contacts, where the exact sum is slow and no better than the z-test.
    """
    (x_c, n_c), (x_v, n_v) = control, variant
    if n_c + n_v > FISHER_LIMIT:
        return None
    # Here, because scipy.stats takes longer to load than all the rest of a process that may never need it.
    from scipy.stats import fisher_exact

    table = np.array([[x_v, n_v - x_v], [x_c, n_c - x_c]])
    odds = x_v * (n_c - x_c) / below if (below := (n_v - x_v) * x_c) else None
    return odds, never_zero(float(fisher_exact(table, alternative=SIDES[alternative]).pvalue))
