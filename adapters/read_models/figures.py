"""What campaigns have reached, for those who decide: progress, spend, and the metrics that a completion
keeps."""

from __future__ import annotations

import json
from decimal import Decimal
from uuid import UUID

from adapters.read_models.reader import PostgresReads
from application.ports import Figures, Position
from projections.encoding import encode


class PostgresFigures:
    """Implements ``application.ports.CampaignFigures`` with the answers of the read models."""

    def __init__(self, reads: PostgresReads) -> None:
        self._reads = reads

    async def of(self, workspace: int, id: UUID, *, as_of: Position | None = None) -> Figures:
        """The figures of one campaign, now or as known at a position. NotFound.

        ``final`` is the answer of its metrics, with the position that it reflects.
        """
        read = await self._reads.metrics(workspace, id, as_of=as_of)
        total = read.value.total
        final = json.loads(encode(read.value))
        final["position"] = {
            "epoch": str(read.position.epoch),
            "events": read.position.events,
            "engagement": read.position.engagement,
        }
        return Figures(
            conversions=total.conversions,
            revenue=int(total.revenue),
            engagement=total.opens + total.clicks,
            spent=str(Decimal(total.spend)),
            final=final,
        )
