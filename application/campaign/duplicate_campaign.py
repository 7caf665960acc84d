"""Write a new campaign down that is like another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.loading import load, record
from application.ports import Context, EventStore, Ids, Recorded
from domain.campaign.campaign import Campaign


@dataclass(frozen=True)
class DuplicateCampaign:
    """``patch`` is a merge patch (RFC 7396) on the settings of campaign ``id``; it may name the new id."""

    id: UUID
    patch: Any


@dataclass(frozen=True)
class DuplicateCampaignHandler:
    """Raises NotFound, Invalid, MoveNotAllowed, AlreadyExists."""

    store: EventStore
    ids: Ids

    async def __call__(self, command: DuplicateCampaign, context: Context) -> tuple[Campaign, Recorded]:
        """Load, duplicate, save the new one."""
        campaign = await load(self.store, Campaign, command.id, context)
        twin = campaign.duplicate(command.patch, id=self.ids.new(), by=context.caller.actor, at=context.at)
        return twin, await record(self.store, twin, context)
