"""What can be answered from rows that stand ready, and of many campaigns at once: the total, the groups of one label,
and the sums by two labels that a return is made of. Nothing here grows with the facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from projections.campaign_metrics.answering import Head, Sums
from projections.campaign_metrics.question import LABELS


class Standing(NamedTuple):
    """A question: the sums of a campaign by at most two labels."""

    workspace: int
    campaign: UUID
    labels: tuple[str, ...]


@dataclass
class Found:
    """The sums in total, and by the values of the labels that were asked for."""

    head: Head
    total: Sums = field(default_factory=Sums)
    groups: defaultdict[tuple[str | None, ...], Sums] = field(default_factory=lambda: defaultdict(Sums))


_VALUE = """
case a.$which when 1 then l.variant when 2 then l.platform when 3 then l.segment when 4 then l.device
    when 5 then l.country when 6 then l.link end"""

# Part 0 is the head of each question that names a campaign of its workspace, 1 sums, 2 unique counts, whose ``type``
# is the dimension and ``kind`` the measure. Where no label is asked for, none is looked up; else those of the campaigns
# that are asked for, not all that there are.
_SUMS = """
with asked as materialized (
  select w.question, w.first, w.second, s.stream as campaign, s.currency
    from unnest(%(workspaces)s::int[], %(ids)s::uuid[], %(first)s::int[], %(second)s::int[])
      with ordinality w(workspace, id, first, second, question)
    join ballyhoo.streams s on s.workspace = w.workspace and s.id = w.id and s.kind = 'campaign'
),
sets as materialized (
  select l.*
    from (select distinct campaign from asked where first > 0) a join ballyhoo.label_sets l on l.campaign = a.campaign
),
head as materialized (
  select (select name from $schema.rule) as rule,
      (select min(high) from $schema.checkpoints where log = 'engagement') as engagement,
      (select position from ballyhoo.log_heads where log = 'events') as events
)
select question, 0 as part, currency as first, rule as second, 0 as kind, 0 as type, engagement as n,
    events::numeric as amount, null as name
  from asked, head
union all
select s.question, 1, s.first, s.second, s.kind, s.type, s.n, s.amount,
    case when s.kind >= 100 then (select k.name from ballyhoo.custom_kinds k where k.kind = s.kind) end
  from (
    select a.question, $first as first, $second as second, $kind as kind, $type as type, sum(t.n)::bigint as n,
        nullif(sum(t.amount), 0) as amount
      from asked a join $schema.totals t on t.campaign = a.campaign
      left join sets l on l.id = t.labels
     group by 1, 2, 3, 4, 5
  ) s
""".replace("$first", _VALUE.replace("$which", "first")).replace("$second", _VALUE.replace("$which", "second"))

WHOLE = (
    _SUMS.replace("$kind", "t.kind").replace("$type", "t.type")
    + """
union all
select a.question, 2, u.value, null, m.measure, u.dimension, m.n, null, null
  from asked a join $schema.uniques u on u.campaign = a.campaign and u.dimension in (0, a.first)
  cross join lateral (values (0, u.reach), (1, u.opens), (2, u.clicks), (3, u.conversions)) m(measure, n)
"""
)
"""The sums of every kind, with unique counts, by the first label."""

RETURN = _SUMS.replace("$kind", "case when t.kind between 9 and 12 then t.kind else 0 end").replace("$type", "0")
"""The sums of clicks, conversions, refunds and spend; a row of kind 0 says that a group has others."""

_NOTHING = Decimal()


def stands(group_by: Sequence[str], starts: datetime | None, ends: datetime | None) -> bool:
    """Whether metrics by these dimensions, in this window, stand ready."""
    return starts is None and ends is None and len(group_by) < 2 and all(name in LABELS for name in group_by)


def parameters(questions: Sequence[Standing]) -> dict[str, Any]:
    """Those of the statements."""
    return {
        "workspaces": [question.workspace for question in questions],
        "ids": [question.campaign for question in questions],
        "first": [_number(question.labels[:1]) for question in questions],
        "second": [_number(question.labels[1:]) for question in questions],
    }


def found(questions: Sequence[Standing], rows: Iterable[Sequence[Any]]) -> dict[Standing, Found]:
    """What a statement's rows say to each question; one that names no campaign of its workspace is not there."""
    known: dict[int, Found] = {}
    places = [len(question.labels) for question in questions]
    rest = []
    for row in rows:
        if row[1] == 0:
            number, _, currency, rule, _, _, engagement, events, _ = row
            known[number] = Found(Head(currency, rule, int(events), engagement))
        else:
            rest.append(row)
    for number, part, first, second, kind, type, n, amount, name in rest:
        of = known[number]
        key = (first, second)[: places[number - 1]]
        if part == 1:
            of.total.add(kind, type, n, amount or _NOTHING, name)
            if key:
                of.groups[key].add(kind, type, n, amount or _NOTHING, name)
        elif type:
            of.groups[key].unique[kind] += n
        else:
            of.total.unique[kind] += n
    return {questions[number - 1]: of for number, of in known.items()}


def _number(label: tuple[str, ...]) -> int:
    return LABELS.index(label[0]) + 1 if label else 0
