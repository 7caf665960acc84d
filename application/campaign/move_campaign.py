"""Ask a campaign for one of its moves: schedule … unarchive, delete, restore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from application.loading import load, record
from application.ports import CampaignFigures, Context, EventStore, Recorded
from domain.campaign.campaign import Campaign
from domain.campaign.moves import Move
from domain.shared.errors import Invalid
from domain.shared.reading import document


@dataclass(frozen=True)
class MoveCampaign:
    """``details`` is the body: fields of the schedule for ``schedule``, nothing or ``{}`` for all others."""

    id: UUID
    move: Move
    details: Any = None


class _Plain(Protocol):
    """A move that takes nothing else."""

    def __call__(self, campaign: Campaign, /, *, by: str, at: Any) -> None:
        """Decide."""
        ...


_PLAIN: Mapping[Move, _Plain] = {
    Move.UNSCHEDULE: Campaign.unschedule,
    Move.LAUNCH: Campaign.launch,
    Move.PAUSE: Campaign.pause,
    Move.RESUME: Campaign.resume,
    Move.CANCEL: Campaign.cancel,
    Move.ARCHIVE: Campaign.archive,
    Move.UNARCHIVE: Campaign.unarchive,
    Move.DELETE: Campaign.delete,
    Move.RESTORE: Campaign.restore,
}


@dataclass(frozen=True)
class MoveCampaignHandler:
    """Raises NotFound, Invalid, MoveNotAllowed, CampaignNotReady."""

    store: EventStore
    figures: CampaignFigures

    async def __call__(self, command: MoveCampaign, context: Context) -> tuple[Campaign, Recorded]:
        """Load, move, save. A completion takes the figures of this moment with it."""
        by, at = context.caller.actor, context.at
        details = {} if command.details is None else command.details
        if command.move is not Move.SCHEDULE:
            _refuse_details(details)
        campaign = await load(self.store, Campaign, command.id, context)
        match command.move:
            case Move.SCHEDULE:
                campaign.schedule(details, by=by, at=at)
            case Move.COMPLETE:
                final = await self.figures.final(context.caller.workspace, command.id)
                campaign.complete(final, by=by, at=at)
            case move:
                _PLAIN[move](campaign, by=by, at=at)
        return campaign, await record(self.store, campaign, context)


def _refuse_details(details: Any) -> None:
    body = document(details)
    body.fields(())
    if body.faults:
        raise Invalid(body.faults)
