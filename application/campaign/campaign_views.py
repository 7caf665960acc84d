"""What can be asked of one campaign: read from its stream, so always as its last event left it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from application.ports import CampaignFigures, Entry, EventStore, Histories, Seal
from domain.campaign import history
from domain.campaign.campaign import Campaign
from domain.campaign.goals import Figures
from domain.campaign.resource import present
from domain.shared.position import Position


@dataclass(frozen=True)
class CampaignView:
    """A campaign at some moment: its resource (api.md §4), its version, when that version was recorded, and up to which
    position of their log it reflects the facts."""

    resource: dict[str, Any]
    version: int
    recorded_at: datetime
    engagement: int


@dataclass(frozen=True)
class CampaignViews:
    """Queries about one campaign. NotFound where the workspace has none, or had none then."""

    store: EventStore
    histories: Histories
    figures: CampaignFigures
    seal: Seal

    async def view(self, workspace: int, id: UUID, *, as_of: Position | None = None) -> CampaignView:
        """The campaign now, or as known at a position; without progress and spend, but with the ``horizon``, where
        facts that these take were dropped."""
        position = None if as_of is None else as_of.events
        campaign = await self.store.get(Campaign, workspace, id, position=position)
        reached = await self.figures.of(workspace, id, as_of=as_of)
        shown = self._shown(workspace, campaign, reached.figures)
        if reached.horizon is not None:
            shown |= {"horizon": reached.horizon}
        return CampaignView(shown, campaign.version, campaign.modified_on, reached.engagement)

    async def recorded_at(self, workspace: int, id: UUID, version: int) -> datetime | None:
        """When a version was recorded; None where it has not come yet. NotFound."""
        if (await self.store.get(Campaign, workspace, id)).version < version:
            return None
        return (await self.store.get(Campaign, workspace, id, version=version)).modified_on

    async def resource(self, workspace: int, campaign: Campaign) -> dict[str, Any]:
        """The campaign as a command leaves it, with what it has reached: a new one has reached nothing."""
        if campaign.version == 1:
            return self._shown(workspace, campaign, Figures())
        return self._shown(workspace, campaign, (await self.figures.of(workspace, campaign.id)).figures)

    def sealed(self, workspace: int, resource: dict[str, Any]) -> dict[str, Any]:
        """The resource with the position of its final metrics as a token: positions count everybody's facts."""
        final = resource["final"]
        if not final:
            return resource
        where = final["position"]
        position = Position(UUID(where["epoch"]), where["events"], where["engagement"])
        return resource | {"final": final | {"position": self.seal.seal(workspace, position)}}

    async def readiness(self, workspace: int, id: UUID, at: datetime) -> tuple[dict[str, Any], int]:
        """The report on launching it at a time, and the version that it is about."""
        campaign = await self.store.get(Campaign, workspace, id)
        return campaign.readiness(at).document(), campaign.version

    async def history(self, workspace: int, id: UUID) -> list[tuple[history.Entry, Entry]]:
        """What happened to it, oldest first, each with the envelope under which it was recorded."""
        stream = await self.histories.history(Campaign, workspace, id)
        told = history.entries(entry.event for entry in stream)  # type: ignore[misc]
        return list(zip(told, stream, strict=True))

    def _shown(self, workspace: int, campaign: Campaign, figures: Figures | None) -> dict[str, Any]:
        at = campaign.created_on, campaign.modified_on
        return self.sealed(workspace, present(campaign.id, campaign.version, *at, campaign.state(), figures))
