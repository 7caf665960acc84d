"""The tables of what an A/B test has seen: facts with a variant, spend and custom ones left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from projections.ab_evidence import AB_EVIDENCE
from tests.bench.log_oracle.reading import Fact, Looked, Mine, look

_EXPOSING = (1, 2, 3, 7)
_OPEN, _CLICK, _CONVERSION, _REFUND = 8, 9, 10, 11
_BITS = {_OPEN: 1, _CLICK: 2, _CONVERSION: 4, 6: 8, 5: 16, 4: 32, _REFUND: 64}

_TABLES = {
    "contacts": "select contact, variant, exposed, did, revenue from contacts where campaign = %s",
    "totals": """
select variant, facts, contacts, clicked, engaged, converted, unsubscribed, complained, bounced, refunded, impressions,
    opens, clicks, conversions, unsubscribes, complaints, bounces, refunds, contact_revenue, contact_squares, revenue
  from totals where campaign = %s""",
    "days": "select day, variant, contacts, impressions from days where campaign = %s",
    "crossings": "select variants, contacts from crossings where campaign = %s",
    "taken_back": "select position from taken_back where campaign = %s",
}


def look_at_evidence(url: str) -> Looked:
    """Compare every row of every campaign."""
    return look(url, AB_EVIDENCE.schema, _TABLES, _expected)


def _expected(mine: Mine) -> dict[str, Any]:
    """The rows of each table, without the campaign."""

    def in_arm(fact: Fact) -> bool:
        return fact.kind <= _REFUND and mine.sets.get(fact.labels, (None,))[0] is not None

    arms: defaultdict[str, list[Fact]] = defaultdict(list)
    who: defaultdict[tuple[Any, str], list[Fact]] = defaultdict(list)
    for fact in mine.people:
        if in_arm(fact):
            variant = mine.sets[fact.labels][0]
            arms[variant].append(fact)
            if fact.contact is not None:
                who[fact.contact, variant].append(fact)
    contacts = [(contact, variant, *_contact(facts)) for (contact, variant), facts in who.items()]
    exposed = [row for row in contacts if row[2] is not None]
    first, impressions, crossed = Counter[Any](), Counter[Any](), defaultdict(list)
    for contact, variant, at, _, _ in exposed:
        first[at.date(), variant] += 1
        crossed[contact].append(variant)
    for variant, facts in arms.items():
        for fact in facts:
            if fact.kind == 7:
                impressions[fact.occurred_at.date(), variant] += fact.quantity
    totals = [_total(name, facts, [row for row in exposed if row[1] == name]) for name, facts in arms.items()]
    sets = Counter(tuple(sorted(variants)) for variants in crossed.values() if len(variants) > 1)
    return {
        "contacts": contacts,
        "totals": totals,
        "days": [(*key, first[key], impressions[key]) for key in first.keys() | impressions.keys()],
        "crossings": list(sets.items()),
        "taken_back": [(fact.position,) for fact in mine.taken_back if in_arm(fact)],
    }


def _contact(facts: Sequence[Fact]) -> tuple[Any, int, int]:
    """When it was first exposed, what it did, and what it brought."""
    did = 0
    for fact in facts:
        did |= _BITS.get(fact.kind, 0)
    return min((fact.occurred_at for fact in facts if fact.kind in _EXPOSING), default=None), did, _revenue(facts)


def _total(variant: str, facts: Sequence[Fact], exposed: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    def who_did(*kinds: int) -> int:
        return sum(any(did & _BITS[kind] for kind in kinds) for _, _, _, did, _ in exposed)

    return (
        variant, len(facts), len(exposed), who_did(_CLICK), who_did(_OPEN, _CLICK), who_did(_CONVERSION), who_did(6),
        who_did(5), who_did(4), who_did(_REFUND),
        *(sum(fact.quantity for fact in facts if fact.kind == kind) for kind in (7, 8, 9, 10, 6, 5, 4, 11)),
        sum(row[4] for row in exposed), sum(row[4] ** 2 for row in exposed), _revenue(facts),
    )  # fmt: skip


def _revenue(facts: Sequence[Fact]) -> int:
    signs = {_CONVERSION: 1, _REFUND: -1}
    return sum(signs.get(fact.kind, 0) * fact.amount for fact in facts)
