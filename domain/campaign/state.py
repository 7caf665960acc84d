"""How a campaign stands, and how each fact changes that. Pure: the aggregate, its snapshots, the list of
campaigns and the history all fold with ``evolve``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.campaign.events import (
    CampaignArchived,
    CampaignCancelled,
    CampaignChanged,
    CampaignCompleted,
    CampaignDeleted,
    CampaignDrafted,
    CampaignEvent,
    CampaignFailed,
    CampaignLaunched,
    CampaignPaused,
    CampaignRestored,
    CampaignResumed,
    CampaignScheduled,
    CampaignUnarchived,
    CampaignUnscheduled,
)
from domain.campaign.readiness import Readiness
from domain.campaign.settings import Settings
from domain.campaign.words import Status
from domain.shared.altered import altered


@dataclass(frozen=True)
class Failure:
    """Why the product gave a campaign up."""

    reason: str
    detail: str
    report: Readiness


@dataclass(frozen=True)
class CampaignState:
    """Everything that the events of a campaign have said so far.

    ``archived_from`` is the status to go back to; ``readiness`` the report of the launch; ``final`` the
    metrics at completion.
    """

    settings: Settings
    status: Status
    created_by: str
    duplicate_of: UUID | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deleted_at: datetime | None = None
    archived_from: Status | None = None
    readiness: Readiness | None = None
    final: dict[str, Any] | None = None
    failure: Failure | None = None

    @property
    def deleted(self) -> bool:
        """Whether it is deleted (and can be restored)."""
        return self.deleted_at is not None


def begun(event: CampaignDrafted) -> CampaignState:
    """The state after the first event."""
    return CampaignState(
        settings=event.settings, status=Status.DRAFT, created_by=event.by, duplicate_of=event.duplicate_of
    )


_ONLY_THE_STATUS: dict[type, Status] = {
    CampaignUnscheduled: Status.DRAFT,
    CampaignPaused: Status.PAUSED,
    CampaignResumed: Status.ACTIVE,
    CampaignCancelled: Status.CANCELLED,
}


def evolve(state: CampaignState, event: CampaignEvent) -> CampaignState:
    """The state after one more event. Only assigns."""
    status = _ONLY_THE_STATUS.get(type(event))
    if status is not None:
        return altered(state, status=status)
    match event:
        case CampaignChanged():
            changed = {name: getattr(event, name) for name in event.fields}
            return altered(state, settings=altered(state.settings, **changed))
        case CampaignScheduled(schedule=schedule):
            return altered(
                state, status=Status.SCHEDULED, settings=altered(state.settings, schedule=schedule)
            )
        case CampaignLaunched(schedule=schedule, report=report):
            return altered(
                state,
                status=Status.ACTIVE,
                started_at=event.timestamp,
                readiness=report,
                settings=altered(state.settings, schedule=schedule),
            )
        case CampaignCompleted(final=final):
            return altered(state, status=Status.COMPLETED, completed_at=event.timestamp, final=final)
        case CampaignFailed(reason=reason, detail=detail, report=report):
            return altered(state, status=Status.FAILED, failure=Failure(reason, detail, report))
        case CampaignArchived():
            return altered(state, status=Status.ARCHIVED, archived_from=state.status)
        case CampaignUnarchived(status=status):
            return altered(state, status=status, archived_from=None)
        case CampaignDeleted():
            return altered(state, deleted_at=event.timestamp)
        case CampaignRestored():
            return altered(state, deleted_at=None)
    raise TypeError(f"a campaign does not know {type(event).__name__}")
