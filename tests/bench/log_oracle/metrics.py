"""The metrics' tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from projections.campaign_metrics import CAMPAIGN_METRICS
from tests.bench.log_oracle.reading import FIRST_CUSTOM, Fact, Looked, Mine, look

_MEASURES = ((3, 7), (8,), (9,), (10,))

_TABLES = {
    "totals": "select labels, kind, type, n, amount from totals where campaign = %s",
    "series": "select bucket, kind, type, n, amount from series where campaign = %s",
    "days": "select day, labels, kind, type, n, amount from days where campaign = %s",
    "cells": "select bucket, labels, kind, type, n, amount from cells where campaign = %s",
    "contacts": """
select contact, exposure, sent, delivery, bounce, complaint, unsubscribe, impression, open, click, conversion, refund,
    spend, reached, opened, clicked, converted from contacts where campaign = %s""",
    "firsts": "select kind, contact, occurred_at from firsts where campaign = %s",
    "uniques": "select dimension, value, reach, opens, clicks, conversions from uniques where campaign = %s",
    "robots": "select position from robots where campaign = %s",
    "taken_back": "select position from taken_back where campaign = %s",
}


def look_at_metrics(url: str) -> Looked:
    """Compare every row of every campaign."""
    return look(url, CAMPAIGN_METRICS.schema, _TABLES, _expected)


def _expected(mine: Mine) -> dict[str, Any]:
    """The rows of each table, without the campaign."""
    n: dict[str, Counter[tuple[Any, ...]]] = {name: Counter() for name in ("totals", "series", "days", "cells")}
    amount: dict[str, Counter[tuple[Any, ...]]] = {name: Counter() for name in n}
    for fact, sign in [(fact, 1) for fact in mine.people] + [(fact, -1) for fact in mine.robots]:
        what = (sign * fact.kind, fact.type)
        bucket = fact.occurred_at.replace(minute=fact.occurred_at.minute // 15 * 15, second=0, microsecond=0)
        for table, key in (
            ("totals", (fact.labels, *what)), ("series", (bucket, *what)),
            ("days", (bucket.date(), fact.labels, *what)), ("cells", (bucket, fact.labels, *what)),
        ):  # fmt: skip
            n[table][key] += fact.quantity
            amount[table][key] += fact.amount
    sums = {table: [(*key, count, amount[table][key]) for key, count in n[table].items()] for table in n}
    people: defaultdict[Any, list[Fact]] = defaultdict(list)
    for fact in mine.people:
        if fact.contact is not None:
            people[fact.contact].append(fact)
    return sums | {
        "contacts": [row for contact, facts in people.items() if (row := _contact(contact, facts)) is not None],
        "firsts": [row for contact, facts in people.items() for row in _firsts(contact, facts)],
        "uniques": _uniques(people, mine.sets),
        "robots": [(fact.position,) for fact in mine.robots],
        "taken_back": [(fact.position,) for fact in mine.taken_back],
    }


def _contact(contact: Any, mine: Sequence[Fact]) -> tuple[Any, ...] | None:
    known = [fact for fact in mine if fact.kind < FIRST_CUSTOM]
    if not known:
        return None
    firsts = [min((fact.occurred_at for fact in known if fact.kind == kind), default=None) for kind in range(1, 13)]
    sets = [sorted({fact.labels for fact in known if fact.kind in measure}) or None for measure in _MEASURES]
    return (contact, *firsts, *sets)


def _firsts(contact: Any, mine: Sequence[Fact]) -> Iterator[tuple[Any, ...]]:
    for kind in {fact.kind for fact in mine if fact.kind >= FIRST_CUSTOM}:
        yield kind, contact, min(fact.occurred_at for fact in mine if fact.kind == kind)


def _uniques(people: dict[Any, list[Fact]], sets: dict[int, tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    seen: dict[tuple[Any, ...], list[set[Any]]] = {}
    for contact, mine in people.items():
        for fact in mine:
            for place, measure in enumerate(_MEASURES):
                if fact.kind in measure:
                    for key in [(0, None), *enumerate(sets.get(fact.labels, (None,) * 6), start=1)]:
                        seen.setdefault(key, [set(), set(), set(), set()])[place].add(contact)
    return [(*key, *map(len, who)) for key, who in seen.items()]
