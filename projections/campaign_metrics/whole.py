"""The same tables from the whole log at once: what a rebuild runs in place of batch after batch.

Every fact is looked at once for the sums, by ranges of positions, and once for the contacts, by partitions: a contact
lives in one. All sums are sums of the ranges' cells, and the unique counts are counted in the contacts' rows. What a
void takes back is known before anything is summed, so nothing has to be taken back.

Where nearly every row is a group of its own, sorting first is twice as fast as hashing first and sorting then; an
``offset 0`` keeps that order, and keeps a kind that was judged from being judged again in each aggregate.
"""

from __future__ import annotations

from projections.campaign_metrics import uniques
from projections.projection import Whole

_RELATIONS = {
    "automatic": "agent text not null",
    "partial_cells": """
      campaign int, bucket timestamptz, labels int, kind int, type smallint, n bigint, amount numeric
    """,
}

# Campaigns are compared by their difference, which no index knows: of a partition that has no statistics yet, Postgres
# would look through the index of a whole campaign for each single void.
_TAKEN_BACK = """
insert into taken_back
select t.campaign, t.position
  from $log v join $log t on t.position = v.voids_position and t.campaign - v.campaign = 0
 where v.kind = 13 and v.voids_position is not null and v.position <= %(high)s and t.kind <> 13
"""

# The rule is asked once for each agent. An agent of two ranges stands here twice.
_AUTOMATIC = """
insert into automatic
select agent
  from (select distinct lower(properties::json ->> 'user_agent') as agent from $log f
         where f.position > %(low)s and f.position <= %(high_of)s and f.kind in (7, 8, 9)
           and not f.voided and f.campaign is not null and strpos(f.properties, '"user_agent"') > 0) a
 where exists (select from rule, unnest(rule.words) word where strpos(agent, word) > 0)
"""

# What counts, with the kind of what is automatic negated. A case keeps json from texts that hold no agent.
_JUDGED = """
  select f.position, f.occurred_at, f.contact, f.campaign, coalesce(f.labels, 0) as labels, f.quantity,
      coalesce(f.amount, 0) as amount, f.type, case when a.agent is null then f.kind else -f.kind end as kind
    from $log f
    left join (select distinct agent from automatic) a
      on a.agent = case when f.kind in (7, 8, 9) and strpos(f.properties, '"user_agent"') > 0
                        then lower(f.properties::json ->> 'user_agent') end
   where $which and f.kind <> 13 and not f.voided and f.campaign is not null
     and not exists (select from taken_back t where t.campaign = f.campaign and t.position = f.position)
"""
_OF_RANGE = _JUDGED.replace("$which", "f.position > %(low)s and f.position <= %(high_of)s")
_OF_PARTS = _JUDGED.replace(
    "$which", "f.part = any(%(parts)s::smallint[]) and f.position <= %(high)s and f.contact is not null"
)

_PARTIAL_CELLS = """
insert into partial_cells
select campaign, date_bin('15 minutes', occurred_at, '2000-01-01Z'), labels, kind, type, sum(quantity), sum(amount)
  from ($judged) judged group by 1, 2, 3, 4, 5
""".replace("$judged", _OF_RANGE)

_ROBOTS = """
insert into robots
select campaign, position from ($judged) judged where kind < 0 and exists (select from automatic) order by 1, 2
""".replace("$judged", _OF_RANGE)

_CELLS = """
insert into cells (campaign, bucket, labels, kind, type, n, amount)
select campaign, bucket, labels, kind, type, sum(n), sum(amount)
  from (select * from partial_cells order by campaign, bucket, labels, kind, type offset 0) p
 group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
"""
_TOTALS = """
insert into totals (campaign, labels, kind, type, n, amount)
select campaign, labels, kind, type, sum(n), sum(amount) from partial_cells group by 1, 2, 3, 4 order by 1, 2, 3, 4
"""
_SERIES = """
insert into series (campaign, bucket, kind, type, n, amount)
select campaign, bucket, kind, type, sum(n), sum(amount)
  from (select campaign, bucket, kind, type, n, amount from partial_cells order by 1, 2, 3, 4 offset 0) p
 group by 1, 2, 3, 4 order by 1, 2, 3, 4
"""
_DAYS = """
insert into days (campaign, day, labels, kind, type, n, amount)
select campaign, day, labels, kind, type, sum(n), sum(amount)
  from (select campaign, (bucket at time zone (select time_zone from rule))::date as day, labels, kind, type, n, amount
          from partial_cells order by 1, 2, 3, 4, 5 offset 0) p
 group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
"""

_CONTACTS = """
insert into contacts (campaign, contact, exposure, sent, delivery, bounce, complaint, unsubscribe, impression, open,
    click, conversion, refund, spend, reached, opened, clicked, converted)
select campaign, contact, exposure, sent, delivery, bounce, complaint, unsubscribe, impression, open, click,
    conversion, refund, spend,
    case cardinality(reached) when 1 then reached
      else case when reached is not null then array(select distinct unnest(reached) order by 1) end end,
    case cardinality(opened) when 1 then opened
      else case when opened is not null then array(select distinct unnest(opened) order by 1) end end,
    case cardinality(clicked) when 1 then clicked
      else case when clicked is not null then array(select distinct unnest(clicked) order by 1) end end,
    case cardinality(converted) when 1 then converted
      else case when converted is not null then array(select distinct unnest(converted) order by 1) end end
  from (
    select campaign, contact,
        min(occurred_at) filter (where kind = 1) as exposure,
        min(occurred_at) filter (where kind = 2) as sent,
        min(occurred_at) filter (where kind = 3) as delivery,
        min(occurred_at) filter (where kind = 4) as bounce,
        min(occurred_at) filter (where kind = 5) as complaint,
        min(occurred_at) filter (where kind = 6) as unsubscribe,
        min(occurred_at) filter (where kind = 7) as impression,
        min(occurred_at) filter (where kind = 8) as open,
        min(occurred_at) filter (where kind = 9) as click,
        min(occurred_at) filter (where kind = 10) as conversion,
        min(occurred_at) filter (where kind = 11) as refund,
        min(occurred_at) filter (where kind = 12) as spend,
        array_agg(labels) filter (where kind in (3, 7)) as reached,
        array_agg(labels) filter (where kind = 8) as opened,
        array_agg(labels) filter (where kind = 9) as clicked,
        array_agg(labels) filter (where kind = 10) as converted
      from (select campaign, contact, kind, occurred_at, labels from ($judged) judged
             where kind between 1 and 12 order by campaign, contact offset 0) known
     group by campaign, contact
  ) came
 order by campaign, contact
""".replace("$judged", _OF_PARTS)
_FIRSTS = """
insert into firsts (campaign, kind, contact, occurred_at)
select campaign, kind, contact, min(occurred_at)
  from ($judged) judged where kind >= 100 group by 1, 2, 3 order by 1, 2, 3
""".replace("$judged", _OF_PARTS.replace("where f.part", "where f.kind >= 100 and f.part"))

# Many contacts have the same label sets: these are counted first, and the fold's own statement does the rest, which
# meets no row of before.
_CHANGES = """
insert into changes (campaign, measure, contacts, before, after)
select c.campaign, m.measure, count(*), null, m.sets
  from contacts c
  cross join lateral (values (0, c.reached), (1, c.opened), (2, c.clicked), (3, c.converted)) m(measure, sets)
 where m.sets is not null group by 1, 2, 5
"""

_UNIQUES = uniques.FOLD[: uniques.FOLD.index("on conflict")]

WHOLE = Whole(
    relations=_RELATIONS,
    before=(_TAKEN_BACK,),
    of_range=(_AUTOMATIC, _PARTIAL_CELLS, _ROBOTS),
    of_parts=(_CONTACTS, _FIRSTS),
    after=((_CELLS,), (_SERIES,), (_DAYS,), (_TOTALS,), (_CHANGES, _UNIQUES)),
)
