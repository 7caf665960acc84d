"""How much there is of each kind, by label set: one row for each campaign, label set, kind and type."""

from __future__ import annotations

from projections.projection import Table

TABLE = Table(
    "totals",
    """
    campaign int not null, labels int not null, kind int not null, type smallint not null,
    n bigint not null, amount numeric not null
    """,
    key=("campaign", "labels", "kind", "type"),
    fillfactor=50,
)

FOLD = """
insert into totals as t (campaign, labels, kind, type, n, amount)
select campaign, labels, kind, type, sum(quantity), sum(amount)
  from batch where sign <> 0 group by 1, 2, 3, 4 order by 1, 2, 3, 4
on conflict (campaign, labels, kind, type)
  do update set n = t.n + excluded.n, amount = t.amount + excluded.amount
"""

# Every fact counts at least 1, so nothing is left where n is 0.
SWEEP = """
delete from totals t using batch b
 where b.sign < 0 and t.n = 0 and t.campaign = b.campaign and t.labels = b.labels and t.kind = b.kind
   and t.type = b.type
"""
