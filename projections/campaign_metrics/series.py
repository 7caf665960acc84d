"""How much there is of each kind in each quarter of an hour, without labels: hours and days of every time
zone are sums of these rows."""

from __future__ import annotations

from projections.projection import Table

TABLE = Table(
    "series",
    """
    campaign int not null, bucket timestamptz not null, kind int not null, type smallint not null,
    n bigint not null, amount numeric not null
    """,
    key=("campaign", "bucket", "kind", "type"),
    fillfactor=70,
)

FOLD = """
insert into series as t (campaign, bucket, kind, type, n, amount)
select campaign, bucket, kind, type, sum(quantity), sum(amount)
  from batch where sign <> 0 group by 1, 2, 3, 4 order by 1, 2, 3, 4
on conflict (campaign, bucket, kind, type)
  do update set n = t.n + excluded.n, amount = t.amount + excluded.amount
"""

SWEEP = """
delete from series t using batch b
 where b.sign < 0 and t.n = 0 and t.campaign = b.campaign and t.bucket = b.bucket and t.kind = b.kind
   and t.type = b.type
"""
