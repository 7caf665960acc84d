"""How much there is of each kind on each day, by label set: the inner days of a window. Days begin where the rule
says, and that is UTC for the live tables."""

from __future__ import annotations

from projections.projection import Table

TABLE = Table(
    "days",
    """
    campaign int not null, day date not null, labels int not null, kind int not null, type smallint not null,
    n bigint not null, amount numeric not null
    """,
    key=("campaign", "day", "labels", "kind", "type"),
    fillfactor=70,
)

FOLD = """
insert into days as t (campaign, day, labels, kind, type, n, amount)
select campaign, (bucket at time zone (select time_zone from rule))::date, labels, kind, type, sum(quantity),
    sum(amount)
  from batch where sign <> 0 group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
on conflict (campaign, day, labels, kind, type)
  do update set n = t.n + excluded.n, amount = t.amount + excluded.amount
"""

SWEEP = """
delete from days t using batch b
 where b.sign < 0 and t.n = 0 and t.campaign = b.campaign
   and t.day = (b.bucket at time zone (select time_zone from rule))::date
   and t.labels = b.labels and t.kind = b.kind and t.type = b.type
"""
