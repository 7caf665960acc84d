"""Change the settings of a campaign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.loading import load, record
from application.ports import Context, EventStore, Recorded
from domain.campaign.campaign import Campaign


@dataclass(frozen=True)
class ChangeCampaign:
    """``patch`` is a merge patch (RFC 7396) as the client sent it."""

    id: UUID
    patch: Any


@dataclass(frozen=True)
class ChangeCampaignHandler:
    """Raises NotFound, Invalid, MoveNotAllowed, CampaignFieldLocked."""

    store: EventStore

    async def __call__(self, command: ChangeCampaign, context: Context) -> tuple[Campaign, Recorded]:
        """Load, change, save."""
        campaign = await load(self.store, Campaign, command.id, context)
        campaign.change(command.patch, by=context.caller.actor, at=context.at)
        return campaign, await record(self.store, campaign, context)
