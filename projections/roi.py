"""What came in for what was spent: in total, by platform and by variant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from domain.engagement import kinds
from projections.campaign_metrics.answer import Money
from projections.campaign_metrics.answering import Head, Sums, minor, number, share
from projections.campaign_metrics.statements import HEAD, HEAD_ROW, statement


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
    """The return of a campaign, and by each platform and each variant; ``horizon`` as in ``Metrics``."""

    campaign_id: str
    currency: str
    by: dict[str, list[Part]]
    horizon: str | msgspec.UnsetType = msgspec.UNSET


_PARTS = (
    HEAD_ROW,
    """
select 1, null, kind, 0, sum(n), sum(amount) from $schema.totals where campaign = $mine group by kind""",
    """
select 2, array[l.platform], t.kind, 0, sum(t.n), sum(t.amount)
  from $schema.totals t left join ballyhoo.label_sets l on l.id = t.labels
 where t.campaign = $mine group by l.platform, t.kind""",
    """
select 4, array[l.variant], t.kind, 0, sum(t.n), sum(t.amount)
  from $schema.totals t left join ballyhoo.label_sets l on l.id = t.labels
 where t.campaign = $mine group by l.variant, t.kind""",
)
STATEMENT = statement((HEAD,), _PARTS)
"""Parameters: ``workspace``, ``id``."""

_BY = {2: "platform", 4: "variant"}


def answered(campaign: UUID, rows: Iterable[Sequence[Any]]) -> tuple[Head, Roi] | None:
    """The answer of the statement's rows; None where there is no such campaign in the workspace."""
    head: Head | None = None
    total = Sums()
    by: dict[str, defaultdict[str | None, Sums]] = {name: defaultdict(Sums) for name in _BY.values()}
    for part, keys, kind, type, n, amount, _ in rows:
        if part == 0:
            head = Head(keys[0], keys[1], int(amount), int(n))
        elif part == 1:
            total.add(kind, type, int(n), amount, None)
        else:
            by[_BY[part]][keys[0]].add(kind, type, int(n), amount, None)
    if head is None:
        return None
    currency = head.currency
    return head, Roi(
        campaign_id=str(campaign),
        currency=currency,
        **_figures(total, currency),
        by={
            name: [
                Part(key={name: value}, **_figures(found[value], currency))
                for value in sorted(found, key=lambda value: (value is None, value or ""))
            ]
            for name, found in by.items()
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
