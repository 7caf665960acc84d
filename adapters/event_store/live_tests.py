"""Which test of a campaign lives."""

from __future__ import annotations

from uuid import UUID

from adapters.postgres.pool import Pool
from application.ports_ab_tests import Place

_CLAIM = "select holder, earlier from ballyhoo.claim_ab_test(%s, %s, %s)"
_OF = "select test, earlier from ballyhoo.ab_test_places where workspace = %s and campaign = %s"
# The test before it has its place again, without which there is none.
_RELEASE = """
with held as (
  select * from ballyhoo.ab_test_places p where workspace = %s and campaign = %s and test = %s
     and not exists (select from ballyhoo.streams s
                      where s.workspace = p.workspace and s.id = p.test and s.kind = 'ab_test') for update
),
first as (
  delete from ballyhoo.ab_test_places p using held h
   where p.workspace = h.workspace and p.campaign = h.campaign and h.earlier = '{}'
)
update ballyhoo.ab_test_places p
   set test = h.earlier[cardinality(h.earlier)], earlier = h.earlier[:cardinality(h.earlier) - 1]
  from held h where p.workspace = h.workspace and p.campaign = h.campaign and h.earlier <> '{}'
"""


class PostgresLiveTests:
    """Implements ``application.ports_ab_tests.LiveTests``. ``pool`` acts as the engine."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, workspace: int, campaign: UUID, test: UUID) -> Place:
        """Take the place for ``test`` unless a test that has not ended holds it."""
        ((holder, earlier),) = await self._pool.rows(_CLAIM, (workspace, campaign, test))
        return Place(holder, tuple(earlier))

    async def release(self, workspace: int, campaign: UUID, test: UUID) -> None:
        """Give up a place that was taken for a test that could not be made."""
        await self._pool.rows(_RELEASE, (workspace, campaign, test))

    async def of(self, workspace: int, campaign: UUID) -> Place | None:
        """Who holds the place; None where no test ever did."""
        rows = await self._pool.rows(_OF, (workspace, campaign))
        return Place(rows[0][0], tuple(rows[0][1])) if rows else None
