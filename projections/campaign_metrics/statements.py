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
select a.*, case when a.part in (1, 3) and a.kind >= 100
    then (select k.name from ballyhoo.custom_kinds k where k.kind = a.kind) end
  from ({parts}) a (part, keys, kind, type, n, amount)
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

# Facts of the campaign that count, straight from the log.
_COUNTING = """
    from ballyhoo.facts f
   where f.campaign = $mine and f.kind <> 13 and not f.voided
     and f.position <= (select highs from reached)[f.part + 1]
     and not exists (select from left_out x where x.position = f.position)
"""
LOG = """
reached as materialized (
  select array_agg(high order by part) as highs from $schema.checkpoints where log = 'engagement'
),
robots as materialized (select position from $schema.robots where campaign = $mine),
left_out as materialized (
  select position from $schema.taken_back where campaign = $mine
  union all
  select position from ballyhoo.parked where projection = 'campaign_metrics' and log = 'engagement'
)"""
# Who was seen doing what, for counting by contacts.
SEEN = """
seen as (
  select f.contact, coalesce(f.labels, 0) as labels, f.occurred_at as at,
      case f.kind when 8 then 1 when 9 then 2 when 10 then 3 else 0 end as measure
$counting
     and f.kind in (3, 7, 8, 9, 10) and f.contact is not null
     and f.occurred_at >= %(starts)s and f.occurred_at < %(ends)s
     and not exists (select from robots r where r.position = f.position)
)""".replace("$counting", _COUNTING.strip("\n"))
# What lies in the quarters of an hour that the window cuts.
CUT = """
cut as materialized (
  select date_bin('15 minutes', f.occurred_at, '2000-01-01Z') as bucket, coalesce(f.labels, 0) as labels,
      case when exists (select from robots r where r.position = f.position) then -f.kind else f.kind end as kind,
      f.type, f.quantity as n, coalesce(f.amount, 0) as amount
$counting
     and (f.occurred_at >= %(starts)s and f.occurred_at < least(%(inner_starts)s::timestamptz, %(ends)s::timestamptz)
       or f.occurred_at >= greatest(%(inner_ends)s::timestamptz, %(inner_starts)s::timestamptz)
         and f.occurred_at < %(ends)s)
)""".replace("$counting", _COUNTING.strip("\n"))

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
  select labels, keys, (dense_rank() over (order by keys))::int as label_key
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
label_names as (select 0 as label_key, array_fill(null::text, array[6]) as keys)"""

# What the clocks of the place show. Where they were changed by half an hour, an hour that began before the change has
# the offset of its beginning. Quarters of an hour are looked at, not facts: there are many of these in each, and all
# have the same moment.
MOMENTS = """
zone as materialized (
  select z.*
    from unnest(%(zone_starts)s::timestamptz[], %(zone_ends)s::timestamptz[],
        %(zone_offsets)s::interval[], %(zone_written)s::text[],
        %(zone_before)s::text[]) z(starts, ends, ahead, written, before)
   where z.ends > (select min(bucket) from $schema.series where campaign = $mine)
     and z.starts <= (select max(bucket) from $schema.series where campaign = $mine)
),
moments as materialized (
  select bucket, hour, written, day, (dense_rank() over (order by hour, written, day))::int as moment
    from (
      select q.bucket, case when %(hour)s then date_trunc('hour', z.shown) end as hour,
          case when not %(hour)s then null
               when date_trunc('hour', z.shown) - z.ahead
                 < date_bin('15 minutes', z.starts, '2000-01-01Z') at time zone 'UTC' then z.before
               else z.written end as written,
          case when %(day)s then z.shown::date end as day
        from (select distinct bucket from quarters) q
        cross join lateral (
          select z.*, q.bucket at time zone 'UTC' + z.ahead as shown from zone z
           where q.bucket >= z.starts and q.bucket < z.ends) z
    ) k
),
moment_names as materialized (select distinct moment, hour, written, day from moments)"""
NO_MOMENTS = """
moment_names as (select 0 as moment, null::timestamp as hour, null::text as written, null::date as day)"""

_GROUPED = """
grouped as (
  select $label, $moment, w.kind, w.type, sum(w.n) as n, sum(w.amount) as amount
    from ($rows) w $joined group by 1, 2, 3, 4
)"""
_WITH_LABELS = "join label_keys l using (labels)"


def _keyed(piece: str, *, labels: bool, times: bool, bucket: str) -> str:
    joined = [_WITH_LABELS] * labels + [f"join moments m on m.bucket = {bucket}"] * times
    return (
        piece.replace("$label", "l.label_key" if labels else "0 as label_key")
        .replace("$moment", "m.moment" if times else "0 as moment")
        .replace("$joined", " ".join(joined))
    )


def _grouped(rows: str, *, labels: bool, times: bool) -> str:
    return _keyed(_GROUPED, labels=labels, times=times, bucket="w.bucket").replace("$rows", rows)


BY_LABELS = _grouped("select * from $schema.totals where campaign = $mine", labels=True, times=False)
# Whole days from the days, the rest from the quarters of an hour, what is cut from the log.
BY_LABELS_IN_WINDOW = _grouped(
    """
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
      select labels, kind, type, n, amount from cut""",
    labels=True,
    times=False,
)
BY_TIME = _grouped("select * from quarters", labels=False, times=True)
BY_LABELS_AND_TIME = _grouped("select * from $schema.cells where campaign = $mine", labels=True, times=True)
BY_LABELS_AND_TIME_IN_WINDOW = _grouped(
    """
      select bucket, labels, kind, type, n, amount from $schema.cells
       where campaign = $mine and bucket >= %(inner_starts)s and bucket < %(inner_ends)s
      union all
      select bucket, labels, kind, type, n, amount from cut""",
    labels=True,
    times=True,
)

_KEYS = """l.keys || array[to_char(m.hour, 'YYYY-MM-DD"T"HH24:MI:SS') || m.written, to_char(m.day, 'YYYY-MM-DD')]"""
_NAMED = "join label_names l using (label_key) join moment_names m using (moment)"


def _named(part: str) -> str:
    return part.replace("$keys", _KEYS).replace("$named", _NAMED)


GROUPS = _named("""
select 3, $keys, g.kind, g.type, g.n, g.amount from grouped g $named""")

# Contacts are grouped by their label sets before these are looked at: many contacts have the same.
UNIQUE_IN_CONTACTS = """
contact_sets as materialized (
  select row_number() over () as id, *
    from (
      select case 0 when grouping(reached) then 0 when grouping(opened) then 1 when grouping(clicked) then 2 else 3
          end as measure, coalesce(reached, opened, clicked, converted) as sets, count(*) as contacts
        from $schema.contacts where campaign = $mine
       group by grouping sets ((reached), (opened), (clicked), (converted))
    ) g where sets is not null
),
unique_groups as (
  select label_key, 0 as moment, measure, sum(contacts) as n
    from (select distinct c.id, c.measure, c.contacts, k.label_key
            from contact_sets c cross join lateral unnest(c.sets) s(labels)
            join label_keys k using (labels)) d
   group by 1, 3
)"""
_PEOPLE = """
people as (select distinct s.measure, s.contact, $label, $moment from seen s $joined),
unique_groups as (select label_key, moment, measure, count(*) as n from people group by 1, 2, 3)"""


def _people(*, labels: bool, times: bool) -> str:
    return _keyed(_PEOPLE, labels=labels, times=times, bucket="date_bin('15 minutes', s.at, '2000-01-01Z')")


PEOPLE_BY_LABELS = _people(labels=True, times=False)
PEOPLE_BY_TIME = _people(labels=False, times=True)
PEOPLE_BY_BOTH = _people(labels=True, times=True)
UNIQUE_GROUPS = _named("""
select 4, $keys, g.measure, 0, g.n, 0 from unique_groups g $named""")
