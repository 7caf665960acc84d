"""When a contact first did something of a kind that a workspace named itself: what a funnel over such
stages reads."""

from __future__ import annotations

from projections.projection import Table

TABLE = Table(
    "firsts",
    "campaign int not null, kind int not null, contact uuid not null, occurred_at timestamptz not null",
    key=("campaign", "kind", "contact"),
    fillfactor=90,
)

FORGET = """
delete from firsts f
 using (select distinct campaign, contact from batch where sign < 0 and contact is not null) t
 where f.campaign = t.campaign and f.contact = t.contact
"""

FOLD = """
insert into firsts as f (campaign, kind, contact, occurred_at)
select campaign, kind, contact, min(occurred_at)
  from batch where sign >= 0 and kind >= 100 and contact is not null group by 1, 2, 3 order by 1, 2, 3
on conflict (campaign, kind, contact)
  do update set occurred_at = excluded.occurred_at where excluded.occurred_at < f.occurred_at
"""
