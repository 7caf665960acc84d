"""How many distinct contacts: one row for each campaign, and for each value of each label of a campaign.

``dimension`` 0 is the whole campaign; 1 to 6 are variant, platform, segment, device, country and link.
``value`` is null where the label is absent; ``digest`` keys it, because a link can be longer than an index
may hold.
"""

from __future__ import annotations

from projections.projection import Table

TABLE = Table(
    "uniques",
    """
    campaign int not null, dimension smallint not null, digest uuid not null, value text,
    reach bigint not null, opens bigint not null, clicks bigint not null, conversions bigint not null
    """,
    key=("campaign", "dimension", "digest"),
    fillfactor=50,
)

# A contact counts under a value once, however many of its label sets have it: what it counted under before is
# compared with what it counts under now, for all contacts of one change at once.
FOLD = """
with numbered as materialized (select row_number() over () as id, * from changes),
sides as materialized (
  select n.id, n.campaign, n.measure, n.contacts, s.labels, s.side
    from numbered n
    cross join lateral (select unnest(n.before), -1 union all select unnest(n.after), 1) s(labels, side)
),
stands_for as materialized (
  select u.labels, d.dimension, d.value, md5(coalesce(d.value, ''))::uuid as digest
    from (select distinct labels from sides) u
    left join label_sets s on s.id = u.labels
    cross join lateral (values (0::smallint, null), (1, s.variant), (2, s.platform),
        (3, s.segment), (4, s.device), (5, s.country), (6, s.link)) d(dimension, value)
),
moved as (
  select s.campaign, s.measure, s.contacts, v.dimension, v.digest, min(v.value) as value,
      bool_or(s.side > 0)::int - bool_or(s.side < 0)::int as step
    from sides s join stands_for v using (labels)
   group by s.id, s.campaign, s.measure, s.contacts, v.dimension, v.digest
)
insert into uniques as u (campaign, dimension, digest, value, reach, opens, clicks, conversions)
select campaign, dimension, digest, min(value),
    coalesce(sum(step * contacts) filter (where measure = 0), 0),
    coalesce(sum(step * contacts) filter (where measure = 1), 0),
    coalesce(sum(step * contacts) filter (where measure = 2), 0),
    coalesce(sum(step * contacts) filter (where measure = 3), 0)
  from moved where step <> 0 group by 1, 2, 3 order by 1, 2, 3
on conflict (campaign, dimension, digest) do update set
  reach = u.reach + excluded.reach, opens = u.opens + excluded.opens, clicks = u.clicks + excluded.clicks,
  conversions = u.conversions + excluded.conversions
"""

SWEEP = """
delete from uniques u using (select distinct campaign from batch where sign < 0) b
 where u.campaign = b.campaign and u.reach = 0 and u.opens = 0 and u.clicks = 0 and u.conversions = 0
"""
