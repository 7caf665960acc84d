"""Do for a campaign what has fallen due: its launch or its completion."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from application.loading import load, record
from application.ports import CampaignFigures, Context, EventStore, Recorded
from domain.campaign.campaign import Campaign


class DueWork(StrEnum):
    """What can fall due for a campaign; the keys of ``Campaign.due_work``."""

    LAUNCH = "launch"
    COMPLETE = "complete"


@dataclass(frozen=True)
class RunDueWork:
    """``context.due`` holds the claim that the save finishes."""

    id: UUID
    kind: DueWork


@dataclass(frozen=True)
class RunDueWorkHandler:
    """Raises NotFound, NothingDue, Fenced."""

    store: EventStore
    figures: CampaignFigures

    async def __call__(self, command: RunDueWork, context: Context) -> tuple[Campaign, Recorded]:
        """Load, launch or complete, save."""
        by, at = context.caller.actor, context.at
        campaign = await load(self.store, Campaign, command.id, context)
        match command.kind:
            case DueWork.LAUNCH:
                campaign.due_launch(by=by, at=at)
            case DueWork.COMPLETE:
                final = await self.figures.final(context.caller.workspace, command.id)
                campaign.due_complete(final, by=by, at=at)
        return campaign, await record(self.store, campaign, context)
