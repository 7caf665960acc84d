"""What came in for what was spent: in total, by platform and by variant."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

import msgspec

from domain.engagement import kinds
from projections.campaign_metrics.answer import Money
from projections.campaign_metrics.answering import Sums, minor, number, share
from projections.campaign_metrics.standing import Found


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """Money in minor units: ``cost`` is what was spent, ``profit`` what is left of revenue without refunds
    and cost. ``cpa`` and ``cpc`` are not rounded; None where the denominator is 0."""

    revenue: Money
    refunds: Money
    cost: Money
    profit: Money
    roi: float | None
    roas: float | None
    cpa: float | None
    cpc: float | None


class Part(Return, frozen=True, kw_only=True):
    """The return of the facts that share ``key``."""

    key: dict[str, str | None]


class Roi(Return, frozen=True, kw_only=True):
    """The return of a campaign, and by each platform and each variant; ``horizon`` and ``rule`` as in
    ``Metrics``."""

    campaign_id: str
    currency: str
    by: dict[str, list[Part]]
    horizon: str | msgspec.UnsetType = msgspec.UNSET
    rule: str | msgspec.UnsetType = msgspec.UNSET


BY = ("platform", "variant")
"""The labels by which it is answered."""


def answered(campaign: UUID, found: Found) -> Roi:
    """The answer of the sums by ``BY``."""
    by: dict[str, defaultdict[str | None, Sums]] = {name: defaultdict(Sums) for name in BY}
    for key, sums in found.groups.items():
        for name, value in zip(BY, key, strict=True):
            by[name][value].merge(sums)
    currency = found.head.currency
    return Roi(
        campaign_id=str(campaign),
        currency=currency,
        **_figures(found.total, currency),
        by={
            name: [
                Part(key={name: value}, **_figures(parts[value], currency))
                for value in sorted(parts, key=lambda value: (value is None, value or ""))
            ]
            for name, parts in by.items()
        },
    )


def _figures(sums: Sums, currency: str) -> dict[str, Any]:
    revenue, refunds = number(sums.amounts[kinds.CONVERSION]), number(sums.amounts[kinds.REFUND])
    cost = minor(sums.amounts[kinds.SPEND], currency)
    net = revenue - refunds
    return {
        "revenue": revenue,
        "refunds": refunds,
        "cost": cost,
        "profit": net - cost,
        "roi": share(net - cost, cost),
        "roas": share(net, cost),
        "cpa": share(cost, sums.counts[kinds.CONVERSION]),
        "cpc": share(cost, sums.counts[kinds.CLICK]),
    }
