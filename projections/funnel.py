"""How many came through each stage, and how long it took them.

A contact reaches a stage when it has such a fact in the campaign and reached the stage before. Times are
those of its first such facts; where the later stage's came first, the gap is left out of the seconds.
Percentiles are interpolated linearly between the two nearest values (SQL's ``percentile_cont``; Hyndman and
Fan 1996, type 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from domain.engagement import kinds
from domain.shared.errors import Fault, Invalid
from projections.campaign_metrics.statements import HEAD

MOST_STAGES = 20

KIND_STAGES = tuple(name for name, kind in kinds.KINDS.items() if kind not in (kinds.VOID, kinds.CUSTOM))
"""Stages that every campaign has; each is a column of the contacts' rows."""


class Seconds(msgspec.Struct, frozen=True):
    """How long it took from the stage before; None where nobody came, and where only counts are asked."""

    median: float | None = None
    p90: float | None = None


class Stage(msgspec.Struct, frozen=True):
    """``from_previous`` and ``from_first`` are shares, ``drop_off`` is what ``from_previous`` lacks to 1;
    None where there is no stage before or nobody in it."""

    stage: str
    count: int
    from_previous: float | None
    from_first: float | None
    drop_off: float | None
    seconds_from_previous: Seconds


class Funnel(msgspec.Struct, frozen=True):
    """The stages in the order that was asked; ``horizon`` and ``rule`` as in ``Metrics``."""

    stages: list[Stage]
    horizon: str | msgspec.UnsetType = msgspec.UNSET
    rule: str | msgspec.UnsetType = msgspec.UNSET


def check(stages: Sequence[str], by: str) -> None:
    """Raises Invalid where the question makes no sense, with every fault."""
    faults = []
    if by not in ("contact", "count"):
        faults.append(Fault("/by", "choice", "by is contact or count."))
    if not 1 <= len(stages) <= MOST_STAGES:
        faults.append(Fault("/stages", "length", f"Name 1 to {MOST_STAGES} stages."))
    if len(set(stages)) < len(stages):
        faults.append(Fault("/stages", "repeated", "Name each stage once."))
    faults += [
        Fault(f"/stages/{index}", "stage", f"{name} is no stage: nothing is counted of it.")
        for index, name in enumerate(stages)
        if name in ("custom", "void")
    ]
    if faults:
        raise Invalid(faults)


def statement(stages: Sequence[str], by: str) -> tuple[str, dict[str, Any]]:
    """The statement and its parameters but for ``workspace`` and ``id``.

    Its one row: currency, rule, events and engagement positions, the numbers of the stages (None for a name
    that the workspace never used), then for each stage how many, and for each but the first the two
    percentiles.
    """
    parameters = {
        "names": [name if name not in KIND_STAGES else None for name in stages],
        "kinds": [kinds.KINDS[name] if name in KIND_STAGES else None for name in stages],
    }
    counted = _by_contact(stages) if by == "contact" else _by_count(stages)
    return _WHOLE.replace("$head", HEAD.strip()).replace("$counted", counted), parameters


def answered(stages: Sequence[str], row: Sequence[Any]) -> Funnel:
    """The answer of the statement's row. Raises Invalid for a stage that is neither a kind nor a known
    name."""
    unknown = [
        Fault(f"/stages/{index}", "stage", f"{name[:64]!r} is neither a kind nor the name of a custom fact.")
        for index, (name, kind) in enumerate(zip(stages, row[4], strict=True))
        if kind is None
    ]
    if unknown:
        raise Invalid(unknown)
    counts = [int(count or 0) for count in row[5 : 5 + len(stages)]]
    percentiles = [None, *row[5 + len(stages) :]]
    return Funnel(
        [
            _stage(name, counts, index, percentiles[index] if index < len(percentiles) else None)
            for index, name in enumerate(stages)
        ]
    )


def _stage(name: str, counts: Sequence[int], index: int, percentiles: Sequence[float] | None) -> Stage:
    count, first = counts[index], counts[0]
    before = counts[index - 1] if index else 0
    return Stage(
        stage=name,
        count=count,
        from_previous=count / before if before else None,
        from_first=count / first if first else None,
        drop_off=(before - count) / before if before else None,
        seconds_from_previous=Seconds(*(percentiles or ())),
    )


# What the stages are called inside; a name that the workspace never used stays null.
_WHOLE = """
with $head,
asked as materialized (
  select array_agg(coalesce(a.kind, k.kind) order by a.ord) as kinds
    from unnest(%(names)s::text[], %(kinds)s::int[]) with ordinality a(name, kind, ord)
    left join ballyhoo.custom_kinds k on k.workspace = %(workspace)s and k.name = a.name
)
select h.currency, h.rule, h.events, h.engagement, asked.kinds, counted.*
  from head h, asked, lateral ($counted) counted
"""

_COUNT = "(select sum(n) from $schema.totals where campaign = h.campaign and kind = asked.kinds[$place])"

# One row for each contact of the first stage, with the first time of every stage in t1, t2, …
_CONTACTS = """
  select $columns
    from (select $times from $first $others) times
"""
_FIRST_KIND = "(select * from $schema.contacts where campaign = h.campaign and $name is not null) c"
_FIRST_CUSTOM = """
(select contact, occurred_at from $schema.firsts
  where campaign = h.campaign and kind = asked.kinds[1]) f1"""
_JOIN_CONTACTS = """
left join $schema.contacts c on c.campaign = h.campaign and c.contact = $base.contact"""
_JOIN_CUSTOM = """
left join $schema.firsts f$place on f$place.campaign = h.campaign and f$place.kind = asked.kinds[$place]
  and f$place.contact = $base.contact"""
_REACHED = "count(*) filter (where $reached)"
_TOOK = """
percentile_cont(array[0.5, 0.9]) within group (order by date_part('epoch', t$place - t$before))
  filter (where $reached and t$place >= t$before)"""


def _by_count(stages: Sequence[str]) -> str:
    counts = ", ".join(_COUNT.replace("$place", str(place)) for place in range(1, len(stages) + 1))
    return f"select {counts}"


def _by_contact(stages: Sequence[str]) -> str:
    places = range(1, len(stages) + 1)
    customs = [place for place in places if stages[place - 1] not in KIND_STAGES]
    starts_custom = 1 in customs
    base = "f1" if starts_custom else "c"
    others = [_JOIN_CONTACTS] if starts_custom and len(customs) < len(stages) else []
    others += [_JOIN_CUSTOM.replace("$place", str(place)) for place in customs if place > 1]
    times = [
        f"f{place}.occurred_at as t{place}" if place in customs else f"c.{stages[place - 1]} as t{place}"
        for place in places
    ]
    reached = [" and ".join(f"t{passed} is not null" for passed in range(1, place + 1)) for place in places]
    columns = [_REACHED.replace("$reached", condition) for condition in reached]
    columns += [
        _TOOK.replace("$reached", reached[place - 1]).replace("$place", str(place)).replace("$before", str(place - 1))
        for place in places[1:]
    ]
    return (
        _CONTACTS.replace("$columns", ", ".join(columns))
        .replace("$times", ", ".join(times))
        .replace("$first", _FIRST_CUSTOM if starts_custom else _FIRST_KIND.replace("$name", stages[0]))
        .replace("$others", "".join(others))
        .replace("$base", base)
    )
