"""What campaigns have reached, in the few sums that goals and budgets are held against."""

from __future__ import annotations

from decimal import Decimal

from domain.campaign.goals import Figures
from projections.campaign_metrics.answering import minor

SUMS = """
sum(t.n) filter (where t.kind = 10) as conversions, sum(t.amount) filter (where t.kind = 10) as revenue,
sum(t.n) filter (where t.kind in (8, 9)) as engagement, sum(t.amount) filter (where t.kind = 12) as spent
"""
"""Of rows ``t`` of the totals."""

STATEMENT = """
select s.workspace, s.id, (select min(high) from $schema.checkpoints where log = 'engagement'), s.currency, $sums
  from unnest(%s::int[], %s::uuid[]) w(workspace, id)
  join ballyhoo.streams s on s.workspace = w.workspace and s.id = w.id and s.kind = 'campaign'
  left join $schema.totals t on t.campaign = s.stream
 group by s.workspace, s.id, s.currency
""".replace("$sums", SUMS)


def figures(
    currency: str, conversions: Decimal | None, revenue: Decimal | None, engagement: Decimal | None,
    spent: Decimal | None,
) -> Figures:  # fmt: skip
    """What a campaign has reached, from sums in which None is nothing; ``spent`` in micros."""
    return Figures(
        conversions=int(conversions or 0),
        revenue=int(revenue or 0),
        engagement=int(engagement or 0),
        spent=str(minor(spent or Decimal(), currency)),
    )
