"""The same tables from the whole log at once: what a rebuild runs in place of batch after batch."""

# ruff: noqa: S608 (statements are put together from parts of our own, never from what a user sent)

from __future__ import annotations

from projections.ab_evidence import contacts, totals
from projections.ab_evidence.crossings import SET
from projections.projection import Whole

# Campaigns are compared by their difference, which no index knows: of a partition that has no statistics yet, Postgres
# would look through the index of a whole campaign for each single void.
_TAKEN_BACK = """
insert into taken_back
select t.campaign, t.position
  from $log v join $log t on t.position = v.voids_position and t.campaign - v.campaign = 0
  join ballyhoo.label_sets l on l.id = t.labels and l.variant is not null
 where v.kind = 13 and v.voids_position is not null and v.position <= %(high)s and t.kind <= 11
"""

# The rule is asked once for each agent.
_AUTOMATIC = """
insert into automatic
select agent
  from (select distinct lower(properties::json ->> 'user_agent') as agent from $log f
         where f.position > %(low)s and f.position <= %(high_of)s and f.kind in (7, 8, 9) and f.labels is not null
           and not f.voided and f.campaign is not null and strpos(f.properties, '"user_agent"') > 0) a
 where exists (select from rule, unnest(rule.words) word where strpos(agent, word) > 0)
"""

# A case keeps json from texts that hold no agent.
_COUNTED = """
  select f.occurred_at, f.contact, f.campaign, l.variant collate "C" as variant, f.quantity, f.kind,
      coalesce(f.amount, 0) as amount, coalesce(f.amount, 0) as worth
    from $log f
    join ballyhoo.label_sets l on l.id = f.labels and l.variant is not null
   where $which and f.kind <= 11 and not f.voided and f.campaign is not null
     and not exists (select from taken_back t where t.campaign = f.campaign and t.position = f.position)
     and not exists (select from automatic a where a.agent =
       case when f.kind in (7, 8, 9) and strpos(f.properties, '"user_agent"') > 0
            then lower(f.properties::json ->> 'user_agent') end)
"""
_OF_RANGE = _COUNTED.replace("$which", "f.position > %(low)s and f.position <= %(high_of)s")
_OF_PARTS = _COUNTED.replace(
    "$which", "f.part = any(%(parts)s::smallint[]) and f.position <= %(high)s and f.contact is not null"
)

_FACTS = ", ".join(totals.FACTS)
_PARTIAL = f"""
insert into partial_totals (campaign, variant, day, facts, {_FACTS}, revenue)
select campaign, variant, (occurred_at at time zone 'UTC')::date, count(*), {totals.OF_FACTS}, {totals.REVENUE}
  from ({_OF_RANGE}) counted group by 1, 2, 3
"""

_CONTACTS = f"""
insert into contacts (campaign, contact, variant, exposed, did, revenue)
select campaign, contact, variant, min(occurred_at) filter (where kind in ({contacts.EXPOSING})), {contacts.DID},
    {contacts.REVENUE}
  from ({_OF_PARTS}) counted group by 1, 2, 3 order by 1, 2, 3
"""

_SUMS = ", ".join(f"coalesce(sum({name}), 0)" for name in totals.FACTS)
_TOTALS = f"""
insert into totals (campaign, variant, facts, {", ".join(totals.CONTACTS)}, {_FACTS}, contact_revenue,
    contact_squares, revenue)
select f.campaign, f.variant, f.facts, {", ".join(f"coalesce(c.{name}, 0)" for name in totals.CONTACTS)},
    {", ".join(f"f.{name}" for name in totals.FACTS)}, coalesce(c.revenue, 0), coalesce(c.squares, 0), f.revenue
  from (select campaign, variant, sum(facts) as facts, {", ".join(f"sum({name}) as {name}" for name in totals.FACTS)},
            sum(revenue) as revenue
          from partial_totals group by 1, 2) f
  left join (select campaign, variant, {contacts.SUMS}
               from (select *, 1 as step from contacts) exposed where exposed is not null group by 1, 2) c
    on c.campaign = f.campaign and c.variant = f.variant
 order by 1, 2
"""

_DAYS = f"""
insert into days (campaign, day, variant, contacts, impressions)
select campaign, day, variant, sum(contacts), sum(impressions)
  from (select campaign, {contacts.DAY} as day, variant, 1::bigint as contacts, 0::bigint as impressions
          from contacts where exposed is not null
        union all
        select campaign, day, variant, 0, impressions from partial_totals where impressions > 0) s
 group by 1, 2, 3 order by 1, 2, 3
"""

_CROSSINGS = f"""
insert into crossings (campaign, set, variants, contacts)
select campaign, {SET}, variants, count(*)
  from (select campaign, array_agg(variant order by variant) as variants
          from contacts where exposed is not null group by campaign, contact having count(*) > 1) s
 group by campaign, variants
"""

WHOLE = Whole(
    relations={
        "automatic": "agent text not null",
        "partial_totals": 'campaign int, variant text collate "C", day date, facts bigint, '
        + ", ".join(f"{name} bigint" for name in totals.FACTS)
        + ", revenue numeric",
    },
    before=(_TAKEN_BACK,),
    of_range=(_AUTOMATIC, _PARTIAL),
    of_parts=(_CONTACTS,),
    after=((_TOTALS,), (_DAYS,), (_CROSSINGS,)),
)
