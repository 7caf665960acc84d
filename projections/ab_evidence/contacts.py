"""What a contact did under a variant: when it was first exposed, what it did, and what it brought.

Exposed is who has an exposure, a sent, a delivery or an impression there (null: not so far). ``did`` has a bit for
each kind: 1 open, 2 click, 4 conversion, 8 unsubscribe, 16 complaint, 32 bounce, 64 refund. ``revenue`` is what the
conversions brought less what was refunded, in minor units.
"""

# ruff: noqa: S608 (statements are put together from parts of our own, never from what a user sent)

from __future__ import annotations

from projections.projection import Table

TABLE = Table(
    "contacts",
    """
    campaign int not null, contact uuid not null, variant text collate "C" not null, exposed timestamptz,
    did smallint not null, revenue numeric not null
    """,
    key=("campaign", "contact", "variant"),
    fillfactor=90,
)

EXPOSING = "1, 2, 3, 7"
DID = """coalesce(bit_or(case kind when 8 then 1 when 9 then 2 when 10 then 4 when 6 then 8 when 5 then 16
        when 4 then 32 when 11 then 64 end), 0)::smallint"""
REVENUE = "coalesce(sum(case kind when 10 then amount when 11 then -amount end), 0)"

# What a row adds to the sums of its arm: nothing before it is exposed. ``step`` is 1 or -1.
SUMS = """
    sum(step) as contacts, sum(step * (did >> 1 & 1)) as clicked, sum(step * (did & 3 <> 0)::int) as engaged,
    sum(step * (did >> 2 & 1)) as converted, sum(step * (did >> 3 & 1)) as unsubscribed,
    sum(step * (did >> 4 & 1)) as complained, sum(step * (did >> 5 & 1)) as bounced,
    sum(step * (did >> 6 & 1)) as refunded, sum(step * revenue) as revenue, sum(step * revenue * revenue) as squares
"""
DAY = "(exposed at time zone 'UTC')::date"

# Of the contacts that are touched, the rows go away; the fold makes them anew.
FORGET = f"""
with gone as (
  delete from contacts c
   using (select distinct campaign, contact from batch where sign < 0 and contact is not null) t
   where c.campaign = t.campaign and c.contact = t.contact
  returning c.*
),
sets as (
  select campaign, array_agg(variant order by variant) as variants
    from gone where exposed is not null group by campaign, contact having count(*) > 1
),
left_behind as (
  insert into moved (campaign, variants, contacts) select campaign, variants, -count(*) from sets group by 1, 2
)
insert into changes
select campaign, variant, {DAY}, {SUMS}
  from (select *, -1 as step from gone) g where exposed is not null group by 1, 2, 3
"""

# A contact of whom nothing new came is left alone. Nobody else writes the rows of a partition that is owned.
FOLD = f"""
with came as (
  select campaign, contact, variant, min(occurred_at) filter (where kind in ({EXPOSING})) as exposed,
      {DID} as did, {REVENUE} as revenue
    from batch where sign >= 0 and kind between 1 and 11 and contact is not null group by 1, 2, 3
),
merged as materialized (
  select n.campaign, n.contact, n.variant, o.ctid as place, o.exposed as exposed_before, o.did as did_before,
      o.revenue as revenue_before, least(o.exposed, n.exposed) as exposed, coalesce(o.did, 0::smallint) | n.did as did,
      coalesce(o.revenue, 0) + n.revenue as revenue
    from came n
    left join contacts o on o.campaign = n.campaign and o.contact = n.contact and o.variant = n.variant
   where o.campaign is null or n.exposed < coalesce(o.exposed, 'infinity') or n.did & ~o.did <> 0 or n.revenue <> 0
),
inserted as (
  insert into contacts (campaign, contact, variant, exposed, did, revenue)
  select campaign, contact, variant, exposed, did, revenue from merged where place is null
   order by campaign, contact, variant
),
updated as (
  update contacts c set exposed = m.exposed, did = m.did, revenue = m.revenue from merged m where c.ctid = m.place
),
newly as (
  select campaign, contact, array_agg(variant) as added
    from merged where exposed_before is null and exposed is not null group by 1, 2
),
sets as (
  select n.campaign, b.before, array(select unnest(b.before || n.added) collate "C" order by 1) as after
    from newly n
    cross join lateral (
      select coalesce(array_agg(c.variant order by c.variant), '{{}}') as before from contacts c
       where c.campaign = n.campaign and c.contact = n.contact and c.exposed is not null
    ) b
   where cardinality(b.before) + cardinality(n.added) > 1
),
crossed as (
  insert into moved (campaign, variants, contacts)
  select campaign, variants, sum(step)
    from (select campaign, before as variants, -1 as step from sets where cardinality(before) > 1
          union all select campaign, after, 1 from sets) s
   group by 1, 2
)
insert into changes
select campaign, variant, {DAY}, {SUMS}
  from (
    select campaign, variant, exposed_before as exposed, did_before as did, revenue_before as revenue, -1 as step
      from merged
    union all
    select campaign, variant, exposed, did, revenue, 1 from merged
  ) sides where exposed is not null group by 1, 2, 3
"""
