"""What several comparisons in one test cost: adjusted p-values, in the order in which they came."""

from __future__ import annotations

from collections.abc import Sequence

from domain.ab_test.plan import Correction

SLACK = 1e-12


def adjusted(p_values: Sequence[float], correction: Correction) -> tuple[float, ...]:
    """Holm 1979, Benjamini and Hochberg 1995 (false discovery rate), Bonferroni; as ``p.adjust`` of R."""
    count = len(p_values)
    match correction:
        case Correction.NONE:
            return tuple(p_values)
        case Correction.BONFERRONI:
            return tuple(min(1.0, p * count) for p in p_values)
        case Correction.HOLM:
            return _walk(p_values, rising=True)
        case Correction.BENJAMINI_HOCHBERG:
            return _walk(p_values, rising=False)


def _walk(p_values: Sequence[float], *, rising: bool) -> tuple[float, ...]:
    """Up from the smallest with the largest so far (Holm), or down from the largest with the smallest
    (BH)."""
    count = len(p_values)
    order = sorted(range(count), key=p_values.__getitem__, reverse=not rising)
    result = [1.0] * count
    so_far = 0.0 if rising else 1.0
    for place, index in enumerate(order):
        if rising:
            so_far = max(so_far, (count - place) * p_values[index])
        else:
            so_far = min(so_far, p_values[index] * count / (count - place))
        result[index] = min(1.0, so_far)
    return tuple(result)


def is_significant(p_adjusted: float, alpha: float) -> bool:
    """At or below the level, ties included whatever the rounding."""
    return p_adjusted <= alpha + SLACK
