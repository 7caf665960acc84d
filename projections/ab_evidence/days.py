"""How many contacts were first exposed, and how many impressions there were, on each day in UTC: the traffic from which
one tells how long a test still takes."""

# ruff: noqa: S608 (statements are put together from parts of our own, never from what a user sent)

from __future__ import annotations

from projections.projection import Table

TABLE = Table(
    "days",
    """
    campaign int not null, day date not null, variant text collate "C" not null, contacts bigint not null,
    impressions bigint not null
    """,
    key=("campaign", "day", "variant"),
    fillfactor=50,
)

_TOUCHED = """
    select campaign, (occurred_at at time zone 'UTC')::date as day, variant, 0::bigint as contacts,
        quantity as impressions
      from batch where sign <> 0 and kind = 7
    union all
    select campaign, day, variant, contacts, 0 from changes where contacts <> 0
"""

FOLD = f"""
insert into days as d (campaign, day, variant, contacts, impressions)
select campaign, day, variant, sum(contacts), sum(impressions) from ({_TOUCHED}) s group by 1, 2, 3
having sum(contacts) <> 0 or sum(impressions) <> 0 order by 1, 2, 3
on conflict (campaign, day, variant)
  do update set contacts = d.contacts + excluded.contacts, impressions = d.impressions + excluded.impressions
"""

# A contact whose first exposure turns out to be an earlier one leaves its day.
SWEEP = f"""
delete from days d using (select distinct campaign, day, variant from ({_TOUCHED}) s) b
 where d.contacts = 0 and d.impressions = 0 and d.campaign = b.campaign and d.day = b.day and d.variant = b.variant
"""
