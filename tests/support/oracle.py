"""Every figure from a plain list of facts, the long way round: what the read models must equal.

Written without a look at how they work: loops over facts, sets of contacts, fractions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

DIMENSIONS = ("variant", "platform", "segment", "device", "country", "link")
NAMES = {
    "exposure": "exposures", "sent": "sent", "delivery": "delivered", "bounce": "bounced", "complaint": "complained",
    "unsubscribe": "unsubscribed", "impression": "impressions", "open": "opens", "click": "clicks",
    "conversion": "conversions",
}  # fmt: skip
DECIMALS = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}


@dataclass(frozen=True)
class Told:
    """A fact as a client told it. ``amount`` is in minor units, of a spend in micros of the major unit."""

    workspace: int
    campaign: str
    id: str
    kind: str
    occurred_at: datetime
    contact: str | None = None
    labels: tuple[str | None, ...] = (None,) * 6
    quantity: int = 1
    amount: int | None = None
    type: str | None = None
    name: str | None = None
    order: str | None = None
    voids: str | None = None
    agent: str | None = None


def counting(told: Sequence[Told]) -> list[Told]:
    """The facts that count: each id and each order once, in order of arrival, without those taken back."""
    known: set[tuple[int, str]] = set()
    orders: set[tuple[int, str]] = set()
    accepted = []
    for fact in told:
        if (fact.workspace, fact.id) in known:
            continue
        known.add((fact.workspace, fact.id))
        if fact.kind == "conversion" and fact.order is not None:
            if (fact.workspace, fact.order) in orders:
                continue
            orders.add((fact.workspace, fact.order))
        accepted.append(fact)
    voided = {(fact.workspace, fact.campaign, fact.voids) for fact in accepted if fact.kind == "void"}
    return [
        fact for fact in accepted
        if fact.kind != "void" and (fact.workspace, fact.campaign, fact.id) not in voided
    ]  # fmt: skip


class Oracle:
    """Answers for one campaign from the facts told until now. ``words`` make an agent automatic."""

    def __init__(
        self, told: Sequence[Told], workspace: int, campaign: str, *, currency: str = "USD", words: Sequence[str] = ()
    ) -> None:
        mine = [fact for fact in counting(told) if (fact.workspace, fact.campaign) == (workspace, campaign)]
        self.bots = [fact for fact in mine if _automatic(fact, words)]
        self.facts = [fact for fact in mine if not _automatic(fact, words)]
        self.campaign, self.currency = campaign, currency

    def metrics(
        self, group_by: Sequence[str] = (), starts: datetime | None = None, ends: datetime | None = None,
        zone: str = "UTC", rule: str = "1",
    ) -> dict[str, Any]:  # fmt: skip
        """The answer of the metrics, without ``computed``."""
        def within(fact: Told) -> bool:
            return (starts is None or fact.occurred_at >= starts) and (ends is None or fact.occurred_at < ends)

        facts = [fact for fact in self.facts if within(fact)]
        bots = [fact for fact in self.bots if within(fact)]
        grouped: defaultdict[tuple[str | None, ...], tuple[list[Told], list[Told]]] = defaultdict(lambda: ([], []))
        for place, some in enumerate((facts, bots) if group_by else ()):
            for fact in some:
                grouped[_key(fact, group_by, zone)][place].append(fact)
        groups = [
            {"key": dict(zip(group_by, key, strict=True))} | self._measures(*both, rule)
            for key, both in grouped.items()
        ]
        return {
            "campaign_id": self.campaign, "currency": self.currency, "groups": groups,
            "total": self._measures(facts, bots, rule),
        }  # fmt: skip

    def funnel(self, stages: Sequence[str], by: str = "contact") -> list[dict[str, Any]]:
        """The stages, with sorted gaps in seconds in place of their percentiles."""
        answer: list[dict[str, Any]] = []
        reached: set[str] | None = None
        before: dict[str, datetime] = {}
        for stage in stages:
            facts = [fact for fact in self.facts if (fact.name if fact.kind == "custom" else fact.kind) == stage]
            firsts: dict[str, datetime] = {}
            for fact in facts:
                if fact.contact is not None:
                    firsts[fact.contact] = min(firsts.get(fact.contact, fact.occurred_at), fact.occurred_at)
            reached = set(firsts) if reached is None else reached & set(firsts)
            gaps = [firsts[contact] - before[contact] for contact in reached if contact in before]
            count = len(reached) if by == "contact" else sum(fact.quantity for fact in facts)
            last, first = (answer[-1]["count"], answer[0]["count"]) if answer else (0, count)
            seconds = sorted(gap.total_seconds() for gap in gaps if gap >= timedelta()) if by == "contact" else []
            answer.append({
                "stage": stage, "count": count, "from_previous": _over(count, last), "from_first": _over(count, first),
                "drop_off": _over(last - count, last),
                "seconds_from_previous": {"median": percentile(seconds, 0.5), "p90": percentile(seconds, 0.9)},
            })  # fmt: skip
            before = {contact: at for contact, at in firsts.items() if contact in reached}
        return answer

    def roi(self) -> dict[str, Any]:
        """Revenue, cost and what follows from them, in total, by platform and by variant."""
        def figures(facts: Sequence[Told]) -> dict[str, Any]:
            revenue, refunds, cost = self._money(facts)
            conversions = sum(fact.quantity for fact in facts if fact.kind == "conversion")
            clicks = sum(fact.quantity for fact in facts if fact.kind == "click")
            return {
                "revenue": revenue, "refunds": refunds, "cost": cost, "profit": revenue - refunds - cost,
                "roi": _over(revenue - refunds - cost, cost), "roas": _over(revenue - refunds, cost),
                "cpa": _over(cost, conversions), "cpc": _over(cost, clicks),
            }  # fmt: skip

        by = {}
        for name in ("platform", "variant"):
            place = DIMENSIONS.index(name)
            values = {fact.labels[place] for fact in self.facts + self.bots}
            by[name] = [
                {"key": {name: value}} | figures([fact for fact in self.facts if fact.labels[place] == value])
                for value in values
            ]
        return figures(self.facts) | {"by": by, "campaign_id": self.campaign, "currency": self.currency}

    def _money(self, facts: Sequence[Told]) -> tuple[Fraction, Fraction, Fraction]:
        def total(kind: str) -> Fraction:
            return Fraction(sum(fact.amount or 0 for fact in facts if fact.kind == kind))

        return total("conversion"), total("refund"), total("spend") * 10 ** DECIMALS[self.currency] / 10**6

    def _measures(self, facts: Sequence[Told], bots: Sequence[Told], rule: str) -> dict[str, Any]:
        n: Counter[str] = Counter()
        custom: Counter[str] = Counter()
        types: Counter[str] = Counter()
        who: defaultdict[str, set[str]] = defaultdict(set)
        for fact in facts:
            if fact.kind == "custom":
                custom[fact.name or ""] += fact.quantity
            n[NAMES.get(fact.kind, fact.kind)] += fact.quantity
            if fact.type is not None:
                types[fact.type] += fact.quantity
            if fact.contact is not None:
                who[fact.kind].add(fact.contact)
        automatic: Counter[str] = Counter()
        for fact in bots:
            automatic[NAMES[fact.kind]] += fact.quantity
        revenue, refunds, spend = self._money(facts)
        opened, clicked = len(who["open"]), len(who["click"])
        return {
            **{name: n[name] for name in NAMES.values()},
            "custom": dict(custom), "conversions_by_type": dict(types),
            "reach": len(who["impression"] | who["delivery"]), "unique_opens": opened, "unique_clicks": clicked,
            "unique_conversions": len(who["conversion"]), "revenue": revenue, "refunds": refunds, "spend": spend,
            "bots": {"rule": rule} | {name: automatic[name] for name in ("impressions", "opens", "clicks")},
            "rates": {
                "delivery": _over(n["delivered"], n["sent"]), "bounce": _over(n["bounced"], n["sent"]),
                "open": _over(opened, n["delivered"]), "click": _over(clicked, n["delivered"]),
                "click_to_open": _over(clicked, opened), "ctr": _over(n["clicks"], n["impressions"]),
                "conversion": _over(n["conversions"], n["clicks"]),
                "conversion_per_impression": _over(n["conversions"], n["impressions"]),
                "unsubscribe": _over(n["unsubscribed"], n["delivered"]),
                "complaint": _over(n["complained"], n["delivered"]),
            },
            "cpm": _over(1000 * spend, n["impressions"]), "cpc": _over(spend, n["clicks"]),
            "cpa": _over(spend, n["conversions"]), "roas": _over(revenue - refunds, spend),
            "roi": _over(revenue - refunds - spend, spend), "average_order": _over(revenue, n["conversions"]),
        }  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float | None:
    """Linear between the two nearest of the sorted values."""
    if not values:
        return None
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def _over(part: Fraction | int, whole: Fraction | int) -> Fraction | None:
    return Fraction(part) / whole if whole else None


def _automatic(fact: Told, words: Sequence[str]) -> bool:
    agent = (fact.agent or "").lower()
    return fact.kind in ("impression", "open", "click") and any(word in agent for word in words)


def _key(fact: Told, group_by: Sequence[str], zone: str) -> tuple[str | None, ...]:
    local = fact.occurred_at.astimezone(ZoneInfo(zone))
    times = {"day": local.date().isoformat(), "hour": local.replace(minute=0, second=0, microsecond=0).isoformat()}
    return tuple(times[name] if name in times else fact.labels[DIMENSIONS.index(name)] for name in group_by)
