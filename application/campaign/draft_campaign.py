"""Write a new campaign down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from application.loading import record
from application.ports import Context, EventStore, Ids, Recorded
from domain.campaign.campaign import Campaign


@dataclass(frozen=True)
class DraftCampaign:
    """``document`` is the body as the client sent it; it may hold the ``id``."""

    document: Any


@dataclass(frozen=True)
class DraftCampaignHandler:
    """Raises Invalid, AlreadyExists."""

    store: EventStore
    ids: Ids

    async def __call__(self, command: DraftCampaign, context: Context) -> tuple[Campaign, Recorded]:
        """Draft, save."""
        campaign = Campaign.draft(command.document, id=self.ids.new(), by=context.caller.actor, at=context.at)
        return campaign, await record(self.store, campaign, context)
