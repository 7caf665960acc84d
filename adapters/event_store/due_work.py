"""Due work claimed in batches, with lease and fence."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from adapters.postgres.pool import Pool
from application.ports import Claimed, DueClaim

# A lease that ends later than any can was given before the clock was set back.
# A transaction that stays open keeps finished rows in the index; the watermark skips them. Every so often the scan
# begins at the start again, for rows that were put in behind it and for those whose lease has run out.
_CLAIM = """
with moment as (select coalesce(%(now)s, clock_timestamp()) as now),
  due as materialized (
    select id from ballyhoo.due_work
      where due_at >= %(watermark)s and due_at <= (select now from moment)
        and (leased_until is null or leased_until < (select now from moment)
          or leased_until > (select now from moment) + 2 * %(lease)s)
      order by due_at limit %(most)s for update skip locked)
update ballyhoo.due_work d
  set leased_until = moment.now + %(lease)s, leased_by = %(owner)s, fence = d.fence + 1, attempts = d.attempts + 1
  from due, ballyhoo.streams s, ballyhoo.workspaces w, moment
  where d.id = due.id and s.stream = d.stream and w.number = d.workspace
  returning d.id, d.fence, d.kind, d.due_at, s.kind, s.id, w.number, w.id, moment.now
"""
_DROP = "delete from ballyhoo.due_work where id = %s and fence = %s"
_AGAIN = "update ballyhoo.due_work set due_at = %s, leased_until = null, last_error = null where id = %s and fence = %s"
_FAILED = "update ballyhoo.due_work set last_error = %s where id = %s and fence = %s"
_EVER = datetime(1, 1, 2, tzinfo=UTC)

WHOLE_SCAN_EVERY = 0.25
"""Seconds after which a claim looks behind the watermark again."""


class PostgresDueWork:
    """Implements ``application.ports.DueQueue``. ``pool`` acts as the engine.

    ``seconds`` counts the seconds between whole scans, which no clock that is set may stretch.
    """

    def __init__(
        self,
        pool: Pool,
        owner: UUID,
        *,
        lease: timedelta = timedelta(seconds=10),
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._owner = owner
        self._lease = lease
        self._seconds = seconds
        self._watermark = _EVER
        self._whole_scan_at = seconds()

    async def claim(self, most: int, now: datetime | None = None) -> list[Claimed]:
        """Up to ``most`` rows that are due by the database's clock, or by ``now``, the longest due first."""
        whole = self._seconds() >= self._whole_scan_at
        rows = await self._pool.rows(
            _CLAIM,
            {
                "now": now, "lease": self._lease, "owner": self._owner, "most": most,
                "watermark": _EVER if whole else self._watermark,
            },
        )  # fmt: skip
        if whole:
            self._whole_scan_at = self._seconds() + WHOLE_SCAN_EVERY
        if rows:
            self._watermark = max(row[3] for row in rows)
        claimed = [
            Claimed(DueClaim(id, fence), kind, due_at, stream_kind, stream, number, workspace, at)
            for id, fence, kind, due_at, stream_kind, stream, number, workspace, at in rows
        ]
        return sorted(claimed, key=lambda piece: piece.due_at)

    async def drop(self, claim: DueClaim) -> None:
        """Forget what turned out not to be due."""
        await self._pool.rows(_DROP, (claim.id, claim.fence))

    async def again(self, claim: DueClaim, due_at: datetime) -> None:
        """Done for now; it falls due again at ``due_at``."""
        await self._pool.rows(_AGAIN, (due_at, claim.id, claim.fence))

    async def failed(self, claim: DueClaim, error: str) -> None:
        """Note why it did not work; it is claimed again when the lease ends."""
        await self._pool.rows(_FAILED, (error, claim.id, claim.fence))
