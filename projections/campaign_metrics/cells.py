"""How much there is of each kind in each quarter of an hour, by label set: the edges of a window."""

from __future__ import annotations

from projections.projection import Table

TABLE = Table(
    "cells",
    """
    campaign int not null, bucket timestamptz not null, labels int not null, kind int not null,
    type smallint not null, n bigint not null, amount numeric not null
    """,
    key=("campaign", "bucket", "labels", "kind", "type"),
    fillfactor=70,
)

FOLD = """
insert into cells as t (campaign, bucket, labels, kind, type, n, amount)
select campaign, bucket, labels, kind, type, sum(quantity), sum(amount)
  from batch where sign <> 0 group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
on conflict (campaign, bucket, labels, kind, type)
  do update set n = t.n + excluded.n, amount = t.amount + excluded.amount
"""

SWEEP = """
delete from cells t using batch b
 where b.sign < 0 and t.n = 0 and t.campaign = b.campaign and t.bucket = b.bucket and t.labels = b.labels
   and t.kind = b.kind and t.type = b.type
"""
