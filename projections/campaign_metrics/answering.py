"""From the rows of the statement to the answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.engagement import kinds
from domain.shared.money import EXPONENTS
from projections.campaign_metrics.answer import Bots, Group, Measures, Metrics, Money, Rates
from projections.campaign_metrics.question import DIMENSIONS

REACH, OPENS, CLICKS, CONVERSIONS = range(4)


@dataclass
class Sums:
    """What was summed for the total or one group: by kind, by type of conversion, by custom name."""

    counts: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    amounts: defaultdict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    types: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    custom: dict[str, int] = field(default_factory=dict)
    unique: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, kind: int, type: int, n: int, amount: Decimal, name: str | None) -> None:
        """One row of sums."""
        if name is not None:
            self.custom[name] = self.custom.get(name, 0) + n
            return
        self.counts[kind] += n
        self.amounts[kind] += amount
        if kind == kinds.CONVERSION and type:
            self.types[type] += n

    def merge(self, other: Sums) -> None:
        """The counts and amounts of other facts; what is unique is no sum."""
        for kind, n in other.counts.items():
            self.counts[kind] += n
        for kind, amount in other.amounts.items():
            self.amounts[kind] += amount


@dataclass(frozen=True)
class Head:
    """What an answer reflects, and in which currency and under which rule it stands."""

    currency: str
    rule: str
    events: int
    engagement: int


def answered(
    campaign: UUID, rows: Iterable[Sequence[Any]], group_by: Sequence[str]
) -> tuple[Head, Metrics] | None:
    """The answer of a computed question's rows; None where there is no such campaign in the workspace."""
    head: Head | None = None
    total = Sums()
    groups: defaultdict[tuple[str | None, ...], Sums] = defaultdict(Sums)
    places = [DIMENSIONS.index(name) for name in group_by]
    for part, keys, kind, type, n, amount, name in rows:
        if part == 0:
            head = Head(keys[0], keys[1], int(amount), int(n))
            continue
        sums = total if part < 3 else groups[tuple(keys[place] for place in places)]
        if part in (1, 3):
            sums.add(kind, type, int(n), amount, name)
        else:
            sums.unique[kind] += int(n)
    if head is None:
        return None
    return head, metrics(campaign, head, total, groups, group_by, computed=True)


def metrics(
    campaign: UUID, head: Head, total: Sums, groups: Mapping[tuple[str | None, ...], Sums], group_by: Sequence[str], *,
    computed: bool,
) -> Metrics:  # fmt: skip
    """The answer of sums: of the total, and of groups by their values of ``group_by``."""
    ordered = sorted(groups, key=lambda key: [_order(name, value) for name, value in zip(group_by, key, strict=True)])
    return Metrics(
        campaign_id=str(campaign),
        currency=head.currency,
        total=Measures(**measures(total, head)),
        groups=[Group(key=dict(zip(group_by, key, strict=True)), **measures(groups[key], head)) for key in ordered],
        computed=computed,
    )


def _order(name: str, value: str | None) -> tuple[bool, Any]:
    """Groups stand in the order of their keys, hours in that of time, none last."""
    if value is None:
        return True, ""
    return False, datetime.fromisoformat(value) if name == "hour" else value


def measures(sums: Sums, head: Head) -> dict[str, Any]:
    """Every measure of api.md §5 by its name."""
    n, unique = sums.counts, sums.unique
    revenue, refunds = number(sums.amounts[kinds.CONVERSION]), number(sums.amounts[kinds.REFUND])
    spend = minor(sums.amounts[kinds.SPEND], head.currency)
    net = revenue - refunds
    delivered = n[kinds.DELIVERY]
    return {
        "exposures": n[kinds.EXPOSURE],
        "sent": n[kinds.SENT],
        "delivered": delivered,
        "bounced": n[kinds.BOUNCE],
        "complained": n[kinds.COMPLAINT],
        "unsubscribed": n[kinds.UNSUBSCRIBE],
        "impressions": n[kinds.IMPRESSION],
        "opens": n[kinds.OPEN],
        "clicks": n[kinds.CLICK],
        "conversions": n[kinds.CONVERSION],
        "custom": dict(sorted(sums.custom.items())),
        "reach": unique[REACH],
        "unique_opens": unique[OPENS],
        "unique_clicks": unique[CLICKS],
        "unique_conversions": unique[CONVERSIONS],
        "revenue": revenue,
        "refunds": refunds,
        "spend": spend,
        "conversions_by_type": {
            name: sums.types[type] for type, name in kinds.CONVERSION_TYPE_NAMES.items() if sums.types[type]
        },
        "bots": Bots(head.rule, n[-kinds.IMPRESSION], n[-kinds.OPEN], n[-kinds.CLICK]),
        "rates": Rates(
            delivery=share(delivered, n[kinds.SENT]),
            bounce=share(n[kinds.BOUNCE], n[kinds.SENT]),
            open=share(unique[OPENS], delivered),
            click=share(unique[CLICKS], delivered),
            click_to_open=share(unique[CLICKS], unique[OPENS]),
            ctr=share(n[kinds.CLICK], n[kinds.IMPRESSION]),
            conversion=share(n[kinds.CONVERSION], n[kinds.CLICK]),
            conversion_per_impression=share(n[kinds.CONVERSION], n[kinds.IMPRESSION]),
            unsubscribe=share(n[kinds.UNSUBSCRIBE], delivered),
            complaint=share(n[kinds.COMPLAINT], delivered),
        ),
        "cpm": share(1000 * spend, n[kinds.IMPRESSION]),
        "cpc": share(spend, n[kinds.CLICK]),
        "cpa": share(spend, n[kinds.CONVERSION]),
        "roas": share(net, spend),
        "roi": share(net - spend, spend),
        "average_order": share(revenue, n[kinds.CONVERSION]),
    }


def share(part: Money, whole: Money) -> float | None:
    """A ratio; None where the denominator is 0."""
    return float(part / whole) if whole else None


def minor(micros: Decimal, currency: str) -> Money:
    """Micros of the major unit in minor units, exact."""
    return number(micros.scaleb(EXPONENTS[currency] - 6))


def number(amount: Decimal) -> Money:
    """An int where it is whole, else the decimal without exponent or trailing zeros."""
    whole = int(amount)
    return whole if whole == amount else Decimal(format(amount.normalize(), "f"))
