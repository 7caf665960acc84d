"""How many distinct contacts: one row for each campaign, and for each value of each label of a campaign.

``dimension`` 0 is the whole campaign; 1 to 6 are variant, platform, segment, device, country and link. ``value``
is null where the label is absent. ``key`` stands for the value in the key: none is empty, and a link longer than
an index may hold is its digest.
"""

from __future__ import annotations

from projections.projection import Table

TABLE = Table(
    "uniques",
    """
    campaign int not null, dimension smallint not null, key text not null, value text,
    reach bigint not null, opens bigint not null, clicks bigint not null, conversions bigint not null
    """,
    key=("campaign", "dimension", "key"),
    fillfactor=50,
)

# A contact counts under a value once, however many of its label sets have it. Most contacts are seen with a first
# label set, which counts as it stands; of the others, what they counted under before is compared with what they
# count under now, for all contacts of one change at once.
FOLD = """
with first_seen as materialized (
  select c.campaign, s.variant, s.platform, s.segment, s.device, s.country, s.link, c.reach, c.opens, c.clicks,
      c.conversions
    from (
      select campaign, after[1] as labels,
          coalesce(sum(contacts) filter (where measure = 0), 0) as reach,
          coalesce(sum(contacts) filter (where measure = 1), 0) as opens,
          coalesce(sum(contacts) filter (where measure = 2), 0) as clicks,
          coalesce(sum(contacts) filter (where measure = 3), 0) as conversions
        from changes where before is null and cardinality(after) = 1 group by 1, 2
    ) c left join label_sets s on s.id = c.labels
),
counted as (
  select campaign,
      case 0 when grouping(variant) then 1 when grouping(platform) then 2 when grouping(segment) then 3
        when grouping(device) then 4 when grouping(country) then 5 when grouping(link) then 6 else 0
        end::smallint as dimension,
      coalesce(variant, platform, segment, device, country, link) as value,
      sum(reach) as reach, sum(opens) as opens, sum(clicks) as clicks, sum(conversions) as conversions
    from first_seen
   group by grouping sets ((campaign), (campaign, variant), (campaign, platform), (campaign, segment),
     (campaign, device), (campaign, country), (campaign, link))
),
numbered as materialized (
  select row_number() over () as id, * from changes where before is not null or cardinality(after) > 1
),
sides as materialized (
  select n.id, n.campaign, n.measure, n.contacts, s.labels, s.side
    from numbered n
    cross join lateral (select unnest(n.before), -1 union all select unnest(n.after), 1) s(labels, side)
),
stands_for as materialized (
  select u.labels, d.dimension, d.value
    from (select distinct labels from sides) u
    left join label_sets s on s.id = u.labels
    cross join lateral (values (0::smallint, null), (1, s.variant), (2, s.platform),
        (3, s.segment), (4, s.device), (5, s.country), (6, s.link)) d(dimension, value)
),
compared as (
  select s.campaign, s.measure, s.contacts, v.dimension, v.value,
      bool_or(s.side > 0)::int - bool_or(s.side < 0)::int as step
    from sides s join stands_for v using (labels)
   group by s.id, s.campaign, s.measure, s.contacts, v.dimension, v.value
),
moved as (
  select campaign, dimension, value, reach, opens, clicks, conversions from counted
  union all
  select campaign, dimension, value,
      case measure when 0 then step * contacts else 0 end, case measure when 1 then step * contacts else 0 end,
      case measure when 2 then step * contacts else 0 end, case measure when 3 then step * contacts else 0 end
    from compared where step <> 0
)
insert into uniques as u (campaign, dimension, key, value, reach, opens, clicks, conversions)
select campaign, dimension, case when value is null then ''
      when octet_length(value) > 500 then chr(1) || md5(value) else value end as key, value,
    sum(reach), sum(opens), sum(clicks), sum(conversions)
  from moved group by campaign, dimension, value order by campaign, dimension, key
on conflict (campaign, dimension, key) do update set
  reach = u.reach + excluded.reach, opens = u.opens + excluded.opens, clicks = u.clicks + excluded.clicks,
  conversions = u.conversions + excluded.conversions
"""

SWEEP = """
delete from uniques u using (select distinct campaign from batch where sign < 0) b
 where u.campaign = b.campaign and u.reach = 0 and u.opens = 0 and u.clicks = 0 and u.conversions = 0
"""
