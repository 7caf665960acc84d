"""The pieces of the statement that answers a question about metrics.

Every piece that answers gives rows of one shape: which part of the answer (0 head, 1 total, 2 its
unique counts, 3 groups, 4 their unique counts), the group's keys (six labels, hour, day), kind, type,
count, amount. In unique counts ``kind`` is the measure: 0 reach, 1 opens, 2 clicks, 3 conversions.

``$mine`` stands for the number of the campaign that is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence


def statement(relations: Sequence[str], parts: Sequence[str]) -> str:
    """One statement from relations and the parts that answer; a custom kind comes with its name."""
    return _WHOLE.format(relations=",".join(relations), parts="\nunion all".join(parts)).replace(
        "$mine", "(select campaign from head)"
    )


_WHOLE = """
with {relations}
select a.*, k.name
  from ({parts}) a (part, keys, kind, type, n, amount)
  left join ballyhoo.custom_kinds k on a.part in (1, 3) and a.kind >= 100 and k.kind = a.kind
"""

# What the answer reflects, from the same snapshot as its rows.
HEAD = """
head as materialized (
  select s.stream as campaign, s.currency, (select name from $schema.rule) as rule,
      (select min(high) from $schema.checkpoints where log = 'engagement') as engagement,
      (select position from ballyhoo.log_heads where log = 'events') as events
    from ballyhoo.streams s
   where s.workspace = %(workspace)s and s.id = %(id)s and s.kind = 'campaign'
)"""
HEAD_ROW = """
select 0, array[currency, rule], 0, 0, engagement, events::numeric from head"""

# Facts of the window that count, straight from the log.
_COUNTING = """
    from ballyhoo.facts f
    join $schema.checkpoints p on p.log = 'engagement' and p.part = f.part and f.position <= p.high
    left join $schema.robots r on r.campaign = f.campaign and r.position = f.position
   where f.campaign = $mine and f.kind <> 13 and not f.voided
     and not exists (select from $schema.taken_back t where t.campaign = f.campaign and t.position = f.position)
     and not exists (select from ballyhoo.parked x where x.projection = 'campaign_metrics'
                      and x.log = 'engagement' and x.position = f.position)
"""
# Who was seen doing what is counted by contacts.
SEEN = (
    """
seen as (
  select f.contact, coalesce(f.labels, 0) as labels, date_bin('15 minutes', f.occurred_at, '2000-01-01Z') as bucket,
      case f.kind when 8 then 1 when 9 then 2 when 10 then 3 else 0 end as measure
$counting
     and f.kind in (3, 7, 8, 9, 10) and f.contact is not null and r.position is null
     and f.occurred_at >= %(starts)s and f.occurred_at < %(ends)s
)"""
).replace("$counting", _COUNTING.strip("\n"))
# What lies in the quarters of an hour that the window cuts.
CUT = (
    """
cut as materialized (
  select date_bin('15 minutes', f.occurred_at, '2000-01-01Z') as bucket, coalesce(f.labels, 0) as labels,
      case when r.position is null then f.kind else -f.kind end as kind, f.type, f.quantity as n,
      coalesce(f.amount, 0) as amount
$counting
     and (f.occurred_at >= %(starts)s and f.occurred_at < least(%(inner_starts)s::timestamptz, %(ends)s::timestamptz)
       or f.occurred_at >= greatest(%(inner_ends)s::timestamptz, %(inner_starts)s::timestamptz)
         and f.occurred_at < %(ends)s)
)"""
).replace("$counting", _COUNTING.strip("\n"))

SERIES = """
quarters as (select bucket, kind, type, n, amount from $schema.series where campaign = $mine)"""
SERIES_IN_WINDOW = """
quarters as materialized (
  select bucket, kind, type, n, amount from $schema.series
   where campaign = $mine and bucket >= %(inner_starts)s and bucket < %(inner_ends)s
  union all
  select bucket, kind, type, n, amount from cut
)"""

TOTAL = """
select 1, null, kind, type, sum(n), sum(amount) from $schema.totals where campaign = $mine
 group by kind, type"""
TOTAL_IN_WINDOW = """
select 1, null, kind, type, sum(n), sum(amount) from quarters group by kind, type"""

UNIQUE = """
select 2, null, m.measure, 0, m.n, 0
  from $schema.uniques u
  cross join lateral (values
    (0, u.reach), (1, u.opens), (2, u.clicks), (3, u.conversions)) m(measure, n)
 where u.campaign = $mine and u.dimension = 0"""
UNIQUE_IN_WINDOW = """
select 2, null, measure, 0, count(*), 0 from (select distinct measure, contact from people) s
 group by measure"""
PEOPLE = """
people as (select measure, contact from seen)"""

# The label sets of the campaign by what is asked of them; 0 has no labels.
LABEL_KEYS = """
label_keys as materialized (
  select labels, keys, dense_rank() over (order by keys) as label_key
    from (
      select id as labels, array[
          case when %(variant)s then variant end, case when %(platform)s then platform end,
          case when %(segment)s then segment end, case when %(device)s then device end,
          case when %(country)s then country end, case when %(link)s then link end] as keys
        from ballyhoo.label_sets where campaign = $mine
      union all select 0, array_fill(null::text, array[6])
    ) k
),
label_names as materialized (select distinct label_key, keys from label_keys)"""
NO_LABEL_KEYS = """
label_names as (select 0::bigint as label_key, array_fill(null::text, array[6]) as keys)"""

# The quarters of an hour by what the clocks of the place show. Where they were changed by half an hour, an hour
# that began before the change has the offset of its beginning.
TIME_KEYS = """
zone as materialized (
  select z.*
    from unnest(%(zone_starts)s::timestamptz[], %(zone_ends)s::timestamptz[],
        %(zone_offsets)s::interval[], %(zone_written)s::text[],
        %(zone_before)s::text[]) z(starts, ends, ahead, written, before)
   where z.ends > (select min(bucket) from $schema.series where campaign = $mine)
     and z.starts <= (select max(bucket) from $schema.series where campaign = $mine)
),
buckets as (
  select distinct bucket from $schema.series
   where campaign = $mine and bucket >= %(first_bucket)s and bucket < %(last_bucket)s
),
time_keys as materialized (
  select bucket, keys, dense_rank() over (order by keys) as time_key
    from (
      select bucket, array[
          case when %(hour)s then
            to_char(date_trunc('hour', shown), 'YYYY-MM-DD"T"HH24:MI:SS')
              || case when date_trunc('hour', shown) - ahead < starts at time zone 'UTC' then before else written end
          end,
          case when %(day)s then to_char(shown, 'YYYY-MM-DD') end] as keys
        from (select b.bucket, b.bucket at time zone 'UTC' + z.ahead as shown, z.*
                from buckets b join zone z on b.bucket >= z.starts and b.bucket < z.ends) s
    ) k
),
time_names as materialized (select distinct time_key, keys from time_keys)"""
NO_TIME_KEYS = """
time_names as (select 0::bigint as time_key, array_fill(null::text, array[2]) as keys)"""

BY_LABELS = """
grouped as (
  select k.label_key, 0::bigint as time_key, t.kind, t.type, sum(t.n) as n, sum(t.amount) as amount
    from $schema.totals t join label_keys k using (labels) where t.campaign = $mine group by 1, 2, 3, 4
)"""
# Whole days from the days, the rest from the quarters of an hour, what is cut from the log.
BY_LABELS_IN_WINDOW = """
grouped as (
  select k.label_key, 0::bigint as time_key, w.kind, w.type, sum(w.n) as n, sum(w.amount) as amount
    from (
      select labels, kind, type, n, amount from $schema.days
       where campaign = $mine and day >= (%(days_start)s::timestamptz at time zone 'UTC')::date
         and day < (%(days_end)s::timestamptz at time zone 'UTC')::date
      union all
      select labels, kind, type, n, amount from $schema.cells
       where campaign = $mine and bucket >= %(inner_starts)s and bucket < %(days_start)s
      union all
      select labels, kind, type, n, amount from $schema.cells
       where campaign = $mine and bucket >= %(days_end)s and bucket < %(inner_ends)s
      union all
      select labels, kind, type, n, amount from cut
    ) w join label_keys k using (labels) group by 1, 2, 3, 4
)"""
BY_TIME = """
grouped as (
  select 0::bigint as label_key, k.time_key, q.kind, q.type, sum(q.n) as n, sum(q.amount) as amount
    from quarters q join time_keys k using (bucket) group by 1, 2, 3, 4
)"""
BY_LABELS_AND_TIME = """
grouped as (
  select l.label_key, k.time_key, w.kind, w.type, sum(w.n) as n, sum(w.amount) as amount
    from $schema.cells w join label_keys l using (labels) join time_keys k using (bucket)
   where w.campaign = $mine group by 1, 2, 3, 4
)"""
BY_LABELS_AND_TIME_IN_WINDOW = """
grouped as (
  select l.label_key, k.time_key, w.kind, w.type, sum(w.n) as n, sum(w.amount) as amount
    from (
      select bucket, labels, kind, type, n, amount from $schema.cells
       where campaign = $mine and bucket >= %(inner_starts)s and bucket < %(inner_ends)s
      union all
      select bucket, labels, kind, type, n, amount from cut
    ) w join label_keys l using (labels) join time_keys k using (bucket) group by 1, 2, 3, 4
)"""

GROUPS = """
select 3, l.keys || t.keys, g.kind, g.type, g.n, g.amount
  from grouped g join label_names l using (label_key) join time_names t using (time_key)"""

# Contacts are grouped by their label sets before these are looked at: many contacts have the same.
UNIQUE_IN_CONTACTS = """
alike as materialized (
  select row_number() over () as id, reached, opened, clicked, converted, count(*) as contacts
    from $schema.contacts where campaign = $mine group by reached, opened, clicked, converted
),
contact_sets as (
  select a.id, m.measure, m.sets, a.contacts
    from alike a
    cross join lateral (values
      (0, a.reached), (1, a.opened), (2, a.clicked), (3, a.converted)) m(measure, sets)
   where m.sets is not null
),
unique_groups as (
  select label_key, 0::bigint as time_key, measure, sum(contacts) as n
    from (select distinct c.id, c.measure, c.contacts, k.label_key
            from contact_sets c cross join lateral unnest(c.sets) s(labels)
            join label_keys k using (labels)) d
   group by 1, 2, 3
)"""
_PEOPLE = """
people as materialized (select distinct s.measure, s.contact, $keys from seen s $joined),
unique_groups as (
  select label_key, time_key, measure, count(*) as n from people group by 1, 2, 3
)"""
PEOPLE_BY_LABELS = _PEOPLE.replace("$keys", "label_key, 0::bigint as time_key").replace(
    "$joined", "join label_keys using (labels)"
)
PEOPLE_BY_TIME = _PEOPLE.replace("$keys", "0::bigint as label_key, time_key").replace(
    "$joined", "join time_keys using (bucket)"
)
PEOPLE_BY_BOTH = _PEOPLE.replace("$keys", "label_key, time_key").replace(
    "$joined", "join label_keys using (labels) join time_keys using (bucket)"
)
UNIQUE_GROUPS = """
select 4, l.keys || t.keys, u.measure, 0, u.n, 0
  from unique_groups u join label_names l using (label_key) join time_names t using (time_key)"""
UNIQUE_GROUPS_OF_ONE = """
select 4, array_fill(null::text, array[%(dimension)s - 1]) || u.value
      || array_fill(null::text, array[8 - %(dimension)s]), m.measure, 0, m.n, 0
  from $schema.uniques u
  cross join lateral (values
    (0, u.reach), (1, u.opens), (2, u.clicks), (3, u.conversions)) m(measure, n)
 where u.campaign = $mine and u.dimension = %(dimension)s"""
