"""What campaigns have reached, for those who decide: progress, spend, and the metrics that a completion
keeps."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from adapters.postgres.grouped import Grouped
from adapters.postgres.pool import Pool
from adapters.read_models.reader import PostgresReads
from adapters.read_models.reading_log import FactsDropped
from application.ports import Figures, Position, Reached
from projections.campaign_metrics import CAMPAIGN_METRICS, reached
from projections.encoding import encode
from projections.projection import placed

_REACHED = placed(reached.STATEMENT, CAMPAIGN_METRICS.schema)


class PostgresFigures:
    """Implements ``application.ports.CampaignFigures`` with the answers of the read models."""

    def __init__(self, pool: Pool, reads: PostgresReads) -> None:
        self._pool = pool
        self._reads = reads
        self._reached: Grouped[tuple[int, UUID], Reached] = Grouped(self._ask, lanes=2)

    async def of(self, workspace: int, id: UUID, *, as_of: Position | None = None) -> Reached:
        """See ``application.ports.CampaignFigures.of``."""
        if as_of is None:
            return await self._reached.answer((workspace, id)) or Reached(Figures(), 0)
        try:
            metrics = (await self._reads.metrics(workspace, id, as_of=as_of)).value
        except FactsDropped as gone:
            return Reached(None, as_of.engagement, gone.horizon)
        if metrics.horizon is not msgspec.UNSET:
            return Reached(None, as_of.engagement, metrics.horizon)
        total = metrics.total
        figures = Figures(
            conversions=total.conversions,
            revenue=int(total.revenue),
            engagement=total.opens + total.clicks,
            spent=str(Decimal(total.spend)),
        )
        return Reached(figures, as_of.engagement)

    async def final(self, workspace: int, id: UUID) -> dict[str, Any]:
        """See ``application.ports.CampaignFigures.final``."""
        read = await self._reads.metrics(workspace, id)
        final: dict[str, Any] = json.loads(encode(read.value))
        final["position"] = {
            "epoch": str(read.position.epoch),
            "events": read.position.events,
            "engagement": read.position.engagement,
        }
        return final

    async def _ask(self, keys: list[tuple[int, UUID]]) -> dict[tuple[int, UUID], Reached]:
        rows = await self._pool.rows(_REACHED, ([workspace for workspace, _ in keys], [id for _, id in keys]))
        return {
            (workspace, id): Reached(reached.figures(*sums), engagement)
            for workspace, id, engagement, *sums in rows
        }
