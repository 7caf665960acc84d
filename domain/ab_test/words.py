"""Figures in words, for people who have to believe them."""

from __future__ import annotations

from domain.ab_test.analysis import Comparison


def percent(rate: float) -> str:
    """0.0125 as ``1.25 %``: three significant digits."""
    return f"{rate * 100:.3g} %"


def share_of(count: int, total: int) -> str:
    """``count`` of ``total`` as a percentage."""
    return percent(count / total) if total else "nothing"


def at_most(p_value: float | None) -> str:
    """A p-value as one writes it; never p = 0."""
    if p_value is None:
        return "no p-value"
    return f"p = {p_value:.2g}" if p_value >= 1e-300 else "p < 1e-300"


def said(comparison: Comparison) -> str:
    """One comparison as a sentence."""
    if comparison.difference is None:
        return f"{comparison.variant} cannot be compared with {comparison.control} ({comparison.note})."
    if comparison.better:
        how = "is above"
    elif comparison.worse:
        how = "is below"
    else:
        how = "cannot be told from"
    parts = [f"{comparison.difference:+.4g}"]
    if comparison.relative is not None:
        parts.append(f"{comparison.relative * 100:+.3g} %")
    if comparison.interval is not None:
        parts.append(f"interval {_bound(comparison.interval[0])} to {_bound(comparison.interval[1])}")
    if comparison.chance_to_beat is not None:
        parts.append(f"chance to beat it {_chance(comparison.chance_to_beat)}")
    elif comparison.p_adjusted is not None:
        parts.append(f"adjusted {at_most(comparison.p_adjusted)}")
    note = f" Note: {comparison.note}." if comparison.note else ""
    return f"{comparison.variant} {how} {comparison.control}: {', '.join(parts)}.{note}"


def _bound(bound: float | None) -> str:
    return "open" if bound is None else f"{bound:+.4g}"


def _chance(chance: float) -> str:
    """Never 0 % nor 100 %: nothing is certain."""
    if chance > 0.9999:
        return "above 99.99 %"
    return "below 0.01 %" if chance < 0.0001 else f"{chance * 100:.2f} %"
