"""How many contacts were exposed in exactly these several arms: what no test may have many of.

By sets, so that a test counts only the crossings among its own arms. ``set`` stands for the names in the key: an index
holds no long lists.
"""

# ruff: noqa: S608 (statements are put together from parts of our own, never from what a user sent)

from __future__ import annotations

from projections.projection import Table

TABLE = Table(
    "crossings",
    'campaign int not null, set uuid not null, variants text[] collate "C" not null, contacts bigint not null',
    key=("campaign", "set"),
    fillfactor=50,
)

SET = "md5(array_to_string(variants, chr(1)))::uuid"

FOLD = f"""
insert into crossings as c (campaign, set, variants, contacts)
select campaign, {SET} as set, variants, sum(contacts) from moved group by campaign, variants
having sum(contacts) <> 0 order by campaign, set
on conflict (campaign, set) do update set contacts = c.contacts + excluded.contacts
"""

SWEEP = f"""
delete from crossings c using (select distinct campaign, {SET} as set from moved) m
 where c.contacts = 0 and c.campaign = m.campaign and c.set = m.set
"""
