"""The relation ``batch``: the facts that a fold counts, one row for each contribution.

``sign`` is 1 for a fact that counts, -1 for one that a void takes back (``quantity`` and ``amount`` are
negative then), 0 for a fact of a contact whose row is made anew (they are 0 then). A fact that the rule
calls automatic has its kind negated: it counts as a bot's, and as nothing else. ``amount`` is in minor
units, that of spend in micros of the major unit. Labels 0 are none.

``spans`` says what the batch holds: the positions (low, high] of each partition. ``changes`` says for how
many contacts a set of label sets that they were seen with (``before``) became another (``after``), for each
measure of ``uniques``.

What the tables were made without stands in ``parked``: that of their own schema while they are not live, and
``ballyhoo.parked`` for those that are.
"""

from __future__ import annotations

from projections.projection import placed

RELATIONS = (
    "create temp table spans (part smallint, low bigint, high bigint) on commit delete rows",
    """create temp table batch (
      position bigint, occurred_at timestamptz, bucket timestamptz, amount bigint, contact uuid, campaign int,
      labels int, quantity int, kind int, type smallint, sign smallint
    ) on commit delete rows""",
    """create temp table changes (campaign int, measure int, contacts bigint, before int[], after int[])
    on commit delete rows""",
    "create temp table incoming (like ballyhoo.facts) on commit delete rows",
)

# Judges `counted`. The agent is looked for once in each distinct text of properties, and the rule is asked
# once for each distinct agent.
JUDGED = """
agents as materialized (
  select properties, lower(properties::json ->> 'user_agent') as agent
    from (select distinct properties from counted
           where kind in (7, 8, 9) and strpos(properties, '"user_agent"') > 0) said
),
automatic as materialized (
  select agent from (select distinct agent from agents) a
   where exists (select from $schema.rule, unnest(rule.words) word where strpos(agent, word) > 0)
),
judged as (
  select c.*, case when b.properties is null then c.kind else -c.kind end as judged_kind
    from counted c
    left join (agents join automatic using (agent)) b on b.properties = c.properties and c.kind in (7, 8, 9)
)
"""

# Of one campaign: what had happened in the windows [starts, ends) by the checkpoints, without what was
# taken back.
OF_CAMPAIGN = """
  select f.position, f.occurred_at, f.amount, null::bigint as voids_position, f.contact, f.campaign, f.labels,
      f.quantity, f.kind, f.type, f.properties
    from unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) w(starts, ends)
    join ballyhoo.facts f on f.occurred_at >= w.starts and f.occurred_at < w.ends
    join $schema.checkpoints p on p.log = 'engagement' and p.part = f.part and f.position <= p.high
   where f.campaign = $campaign and f.kind <> 13 and not f.voided
     and not exists (select from $schema.taken_back t
                      where t.campaign = f.campaign and t.position = f.position)
     and not exists (select from ballyhoo.parked x
                      where x.projection = 'campaign_metrics' and x.log = 'engagement' and x.position = f.position)
"""

# Campaigns are compared by their difference, which no index knows: of a partition that has no statistics yet, Postgres
# would look through the index of a whole campaign for each single void.
_FILL = """
with new as materialized ($new),
counted as materialized (
  select position, occurred_at, amount, contact, campaign, labels, quantity, kind, type, properties,
      %(sign)s::smallint as sign
    from new where kind <> 13
  union all
  select t.position, t.occurred_at, t.amount, t.contact, t.campaign, t.labels, t.quantity, t.kind, t.type,
      t.properties, -1::smallint
    from new v join ballyhoo.facts t on t.position = v.voids_position and t.campaign - v.campaign = 0
   where v.kind = 13 and t.kind <> 13
     and not exists (select from parked x
                      where x.projection = 'campaign_metrics' and x.log = 'engagement' and x.position = t.position)
),
$judged,
filled as (
  insert into batch
  select position, occurred_at, date_bin('15 minutes', occurred_at, '2000-01-01Z'),
      sign * coalesce(amount, 0), contact, campaign, coalesce(labels, 0), sign * quantity,
      judged_kind, type, sign
    from judged
  returning sign
)
select count(*) filter (where sign >= 0), count(*) filter (where sign < 0) from filled
"""

# What lies in the spans. The bounds are given again as parameters, for the index on positions.
_IN_SPANS = """
  select f.position, f.occurred_at, f.amount, f.voids_position, f.contact, f.campaign, f.labels,
      f.quantity, f.kind, f.type, f.properties
    from $facts f join spans s on s.part = f.part and f.position > s.low and f.position <= s.high
   where f.position > %(low)s and f.position <= %(high)s and not f.voided and f.campaign is not null
"""

# All that counts, by the end of the batch, of the contacts of whom something is taken back.
_OF_TOUCHED = """
  select f.position, f.occurred_at, f.amount, null::bigint as voids_position, f.contact, f.campaign, f.labels,
      f.quantity, f.kind, f.type, f.properties
    from (select distinct campaign, contact from batch where sign < 0 and contact is not null) touched
    join ballyhoo.facts f on f.contact = touched.contact and f.campaign - touched.campaign = 0
    join spans s on s.part = f.part and f.position <= s.high
   where f.kind <> 13 and not f.voided
     and not exists (select from taken_back t where t.campaign = f.campaign and t.position = f.position)
     and not exists (select from parked x
                      where x.projection = 'campaign_metrics' and x.log = 'engagement' and x.position = f.position)
"""


def _filled(new: str) -> str:
    return placed(_FILL.replace("$new", new).replace("$judged", JUDGED))


FROM_LOG = _filled(_IN_SPANS.replace("$facts", "ballyhoo.facts"))
FROM_INCOMING = _filled(_IN_SPANS.replace("$facts", "incoming"))
FROM_CAMPAIGN = _filled(OF_CAMPAIGN.replace("$campaign", "%(campaign)s"))

# What a batch that takes something back does first. All that counts of the contacts who are touched is put
# into the batch again with sign 0, and what is new of them counts there only, so that their rows can be
# made anew.
TAKE_BACK = "insert into taken_back select campaign, position from batch where sign < 0 on conflict do nothing"
REMEMBER = _filled(_OF_TOUCHED)
LET_GO = """
update batch b set contact = null from batch t
 where b.sign = 1 and t.sign < 0 and b.campaign = t.campaign and b.contact = t.contact
"""
