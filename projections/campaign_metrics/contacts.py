"""What a contact did in a campaign: one wide row with the first time of each kind, and the label sets with
which each of the counted measures was seen (sorted, so that equal ones are the same)."""

from __future__ import annotations

from projections.projection import Table

TABLE = Table(
    "contacts",
    """
    campaign int not null, contact uuid not null, exposure timestamptz, sent timestamptz, delivery
    timestamptz, bounce timestamptz, complaint timestamptz, unsubscribe timestamptz, impression timestamptz,
    open timestamptz, click timestamptz, conversion timestamptz, refund timestamptz, spend timestamptz,
    reached int[], opened int[], clicked int[], converted int[] """,
    key=("campaign", "contact"),
    fillfactor=90,
)

# Of the contacts that are touched, the rows go away; the fold makes them anew.
FORGET = """
with gone as (
  delete from contacts c
   using (select distinct campaign, contact from batch where sign < 0 and contact is not null) t
   where c.campaign = t.campaign and c.contact = t.contact
  returning c.*
)
insert into changes (campaign, measure, contacts, before, after)
select g.campaign, m.measure, count(*), m.before, null
  from gone g cross join lateral (values
    (0, g.reached), (1, g.opened), (2, g.clicked), (3, g.converted)) m(measure, before)
 where m.before is not null group by 1, 2, 4
"""

# `merged` holds what is new of each contact; a contact of whom nothing new came is left alone. Nobody else writes the
# rows of a partition that is owned, so a row that was not there is inserted without asking again.
FOLD = """
with came as (
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
    from batch where sign >= 0 and kind between 1 and 12 and contact is not null
   group by campaign, contact
),
merged as materialized (
  select n.campaign, n.contact, n.exposure, n.sent, n.delivery, n.bounce, n.complaint, n.unsubscribe,
      n.impression, n.open, n.click, n.conversion, n.refund, n.spend,
      o.ctid as place, o.reached as reached_before, o.opened as opened_before, o.clicked as clicked_before,
      o.converted as converted_before,
      case when n.reached is null or n.reached <@ o.reached then o.reached
           when o.reached is null and cardinality(n.reached) = 1 then n.reached
           else array(select distinct unnest(o.reached || n.reached) order by 1) end as reached,
      case when n.opened is null or n.opened <@ o.opened then o.opened
           when o.opened is null and cardinality(n.opened) = 1 then n.opened
           else array(select distinct unnest(o.opened || n.opened) order by 1) end as opened,
      case when n.clicked is null or n.clicked <@ o.clicked then o.clicked
           when o.clicked is null and cardinality(n.clicked) = 1 then n.clicked
           else array(select distinct unnest(o.clicked || n.clicked) order by 1) end as clicked,
      case when n.converted is null or n.converted <@ o.converted then o.converted
           when o.converted is null and cardinality(n.converted) = 1 then n.converted
           else array(select distinct unnest(o.converted || n.converted) order by 1) end as converted
    from came n left join contacts o on o.campaign = n.campaign and o.contact = n.contact
   where o.campaign is null
      or not n.reached <@ coalesce(o.reached, '{}') or not n.opened <@ coalesce(o.opened, '{}')
      or not n.clicked <@ coalesce(o.clicked, '{}') or not n.converted <@ coalesce(o.converted, '{}')
      or n.exposure < coalesce(o.exposure, 'infinity') or n.sent < coalesce(o.sent, 'infinity')
      or n.delivery < coalesce(o.delivery, 'infinity') or n.bounce < coalesce(o.bounce, 'infinity')
      or n.complaint < coalesce(o.complaint, 'infinity')
      or n.unsubscribe < coalesce(o.unsubscribe, 'infinity')
      or n.impression < coalesce(o.impression, 'infinity') or n.open < coalesce(o.open, 'infinity')
      or n.click < coalesce(o.click, 'infinity') or n.conversion < coalesce(o.conversion, 'infinity')
      or n.refund < coalesce(o.refund, 'infinity') or n.spend < coalesce(o.spend, 'infinity')
),
inserted as (
  insert into contacts (campaign, contact, exposure, sent, delivery, bounce, complaint, unsubscribe,
      impression, open, click, conversion, refund, spend, reached, opened, clicked, converted)
  select campaign, contact, exposure, sent, delivery, bounce, complaint, unsubscribe, impression,
      open, click, conversion, refund, spend, reached, opened, clicked, converted
    from merged where place is null order by campaign, contact
),
updated as (
  update contacts c set
    exposure = least(c.exposure, m.exposure), sent = least(c.sent, m.sent),
    delivery = least(c.delivery, m.delivery), bounce = least(c.bounce, m.bounce),
    complaint = least(c.complaint, m.complaint), unsubscribe = least(c.unsubscribe, m.unsubscribe),
    impression = least(c.impression, m.impression), open = least(c.open, m.open),
    click = least(c.click, m.click), conversion = least(c.conversion, m.conversion),
    refund = least(c.refund, m.refund), spend = least(c.spend, m.spend),
    reached = m.reached, opened = m.opened, clicked = m.clicked, converted = m.converted
   from merged m where c.ctid = m.place
)
insert into changes (campaign, measure, contacts, before, after)
select g.campaign, m.measure, count(*), m.before, m.after
  from merged g cross join lateral (values
    (0, g.reached_before, g.reached), (1, g.opened_before, g.opened),
    (2, g.clicked_before, g.clicked), (3, g.converted_before, g.converted)) m(measure, before, after)
 where m.after is distinct from m.before group by 1, 2, 4, 5
"""
