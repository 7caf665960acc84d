"""The relation ``batch`` of this projection: facts with a variant, one row for each contribution.

As in ``campaign_metrics``: ``sign`` is 1 for a fact that counts, -1 for one that a void takes back, 0 for a fact of a
contact whose rows are made anew; what the rule calls automatic has its kind negated, and counts for nothing here.
``amount`` is as in the log, ``quantity`` and ``worth`` (the amount again) bear the sign.

``changes`` says how the sums over contacts change, by arm and by the day on which they were first exposed; ``moved``
how many contacts came to be, or ceased to be, exposed in a set of several arms.
"""

# ruff: noqa: S608 (statements are put together from parts of our own, never from what a user sent)

from __future__ import annotations

from projections.campaign_metrics.batch import JUDGED
from projections.projection import placed

RELATIONS = (
    "create temp table spans (part smallint, low bigint, high bigint) on commit delete rows",
    """create temp table batch (
      position bigint, occurred_at timestamptz, amount bigint, worth bigint, contact uuid, campaign int,
      variant text collate "C", quantity bigint, kind int, sign smallint
    ) on commit delete rows""",
    """create temp table changes (
      campaign int, variant text collate "C", day date, contacts bigint, clicked bigint, engaged bigint,
      converted bigint, unsubscribed bigint, complained bigint, bounced bigint, refunded bigint, revenue numeric,
      squares numeric
    ) on commit delete rows""",
    """create temp table moved (campaign int, variants text[] collate "C", contacts bigint)
    on commit delete rows""",
    "create temp table incoming (like ballyhoo.facts) on commit delete rows",
)

_COLUMNS = "f.position, f.occurred_at, f.amount, f.contact, f.campaign, f.labels, f.quantity, f.kind, f.properties"

# Spend and what a workspace named itself say nothing about an arm. Campaigns are compared by their difference as in
# ``campaign_metrics/batch.py``.
_FILL = f"""
with new as materialized ($new),
named as materialized (
  select {_COLUMNS}, %(sign)s::smallint as sign from new f where f.kind <> 13
  union all
  select {_COLUMNS}, -1::smallint
    from new v join ballyhoo.facts f on f.position = v.voids_position and f.campaign - v.campaign = 0
   where v.kind = 13 and f.kind <= 11 and f.labels is not null
     and not exists (select from parked x
                      where x.projection = 'ab_evidence' and x.log = 'engagement' and x.position = f.position)
),
variants as materialized (
  select l.id, l.variant
    from (select distinct labels from named) n join ballyhoo.label_sets l on l.id = n.labels
   where l.variant is not null
),
counted as materialized (
  select n.*, v.variant from named n join variants v on v.id = n.labels
),
{JUDGED},
filled as (
  insert into batch
  select position, occurred_at, coalesce(amount, 0), sign * coalesce(amount, 0), contact, campaign, variant,
      sign * quantity, judged_kind, sign
    from judged
  returning sign
)
select count(*) filter (where sign >= 0), count(*) filter (where sign < 0) from filled
"""

_IN_SPANS = f"""
  select {_COLUMNS}, f.voids_position
    from $facts f join spans s on s.part = f.part and f.position > s.low and f.position <= s.high
   where f.position > %(low)s and f.position <= %(high)s and not f.voided and f.campaign is not null
     and (f.kind <= 11 and f.labels is not null or f.kind = 13)
"""

# All that counts, by the end of the batch, of the contacts of whom something is taken back.
_OF_TOUCHED = f"""
  select {_COLUMNS}, null::bigint as voids_position
    from (select distinct campaign, contact from batch where sign < 0 and contact is not null) touched
    join ballyhoo.facts f on f.contact = touched.contact and f.campaign - touched.campaign = 0
    join spans s on s.part = f.part and f.position <= s.high
   where f.kind <= 11 and f.labels is not null and not f.voided
     and not exists (select from taken_back t where t.campaign = f.campaign and t.position = f.position)
     and not exists (select from parked x
                      where x.projection = 'ab_evidence' and x.log = 'engagement' and x.position = f.position)
"""

# Of one campaign: what it had in the windows [starts, ends) by the checkpoints.
_OF_CAMPAIGN = f"""
  select {_COLUMNS}, null::bigint as voids_position
    from unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) w(starts, ends)
    join ballyhoo.facts f on f.occurred_at >= w.starts and f.occurred_at < w.ends
    join checkpoints p on p.log = 'engagement' and p.part = f.part and f.position <= p.high
   where f.campaign = %(campaign)s and f.kind <= 11 and f.labels is not null and not f.voided
     and not exists (select from taken_back t where t.campaign = f.campaign and t.position = f.position)
     and not exists (select from parked x
                      where x.projection = 'ab_evidence' and x.log = 'engagement' and x.position = f.position)
"""


def _filled(new: str) -> str:
    return placed(_FILL.replace("$new", new))


FROM_LOG = _filled(_IN_SPANS.replace("$facts", "ballyhoo.facts"))
FROM_INCOMING = _filled(_IN_SPANS.replace("$facts", "incoming"))
FROM_CAMPAIGN = _filled(_OF_CAMPAIGN)

TAKE_BACK = "insert into taken_back select campaign, position from batch where sign < 0 on conflict do nothing"
REMEMBER = _filled(_OF_TOUCHED)
LET_GO = """
update batch b set contact = null from batch t
 where b.sign = 1 and t.sign < 0 and b.campaign = t.campaign and b.contact = t.contact
"""
