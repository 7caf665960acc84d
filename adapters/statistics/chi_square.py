"""Do any of several rates differ: Pearson's chi-square over arms × (converted, not)."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.special import chdtrc

from adapters.statistics.tails import never_zero
from domain.ab_test.analysis import Overall


def chi_square(counts: Sequence[tuple[int, int]]) -> Overall | None:
    """Without continuity correction, as ``prop.test(correct=FALSE)`` of R. None where all or none
    converted."""
    converted = sum(x for x, _ in counts)
    total = sum(n for _, n in counts)
    if converted in (0, total):
        return None
    rate = converted / total
    statistic = sum((x - n * rate) ** 2 / (n * rate * (1 - rate)) for x, n in counts)
    return Overall(statistic, len(counts) - 1, never_zero(float(chdtrc(len(counts) - 1, statistic))))
