"""What a test has seen, from a plain list of facts: sets of contacts and sums, the long way round."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from tests.support.oracle import Oracle, Told

EXPOSING = ("exposure", "sent", "delivery", "impression")
_GUARDED = ("unsubscribe", "complaint", "bounce", "refund")


def seen(oracle: Oracle, variant: str, *, until: datetime | None = None, cap: int | None = None) -> dict[str, Any]:
    """The counts of one arm, named as the evidence names them."""
    facts = [fact for fact in oracle.facts if fact.labels[0] == variant and fact.kind != "spend"]
    firsts = first_exposed(facts)
    exposed = {contact for contact, at in firsts.items() if until is None or at < until}

    def did(*kinds: str) -> int:
        return len(exposed & {fact.contact for fact in facts if fact.kind in kinds and fact.contact})

    def count(kind: str) -> int:
        return sum(fact.quantity for fact in facts if fact.kind == kind)

    brought = Counter(dict.fromkeys(exposed, 0))
    for fact in facts:
        if fact.contact in exposed:
            brought[fact.contact] += _worth(fact)
    capped = [value if cap is None else min(value, cap) for value in brought.values()]
    return {
        "variant": variant,
        "contacts": len(exposed),
        "clicked": did("click"),
        "engaged": did("click", "open"),
        "converted": did("conversion"),
        "impressions": count("impression"),
        "opens": count("open"),
        "clicks": count("click"),
        "conversions": count("conversion"),
        "revenue": sum(_worth(fact) for fact in facts),
        "contact_revenue": sum(capped),
        "contact_revenue_squares": sum(value * value for value in capped),
        "guarded": {kind: did(kind) if exposed else count(kind) for kind in _GUARDED},
    }


def crossed(oracle: Oracle, variants: Sequence[str]) -> int:
    """Contacts exposed in more than one of these arms."""
    arms = [set(first_exposed([fact for fact in oracle.facts if fact.labels[0] == name])) for name in variants]
    return sum(sum(contact in arm for arm in arms) > 1 for contact in set().union(*arms))


def traffic(oracle: Oracle, variants: Sequence[str]) -> float:
    """Contacts first exposed in an arm a day, over the last seven days that had any."""
    days: defaultdict[date, int] = defaultdict(int)
    for name in variants:
        mine = [fact for fact in oracle.facts if fact.labels[0] == name]
        for at in first_exposed(mine).values():
            days[at.date()] += 1
        for fact in mine:
            if fact.kind == "impression":
                days[fact.occurred_at.date()] += 0
    last = [day for day in days if (max(days) - day).days < 7]
    some = [day for day in last if days[day]]
    return sum(days[day] for day in some) / ((max(some) - min(some)).days + 1)


def first_exposed(facts: Sequence[Told]) -> dict[str, datetime]:
    """When each contact was first exposed."""
    firsts: dict[str, datetime] = {}
    for fact in facts:
        if fact.contact is not None and fact.kind in EXPOSING:
            firsts[fact.contact] = min(firsts.get(fact.contact, fact.occurred_at), fact.occurred_at)
    return firsts


def _worth(fact: Told) -> int:
    return {"conversion": 1, "refund": -1}.get(fact.kind, 0) * (fact.amount or 0)
