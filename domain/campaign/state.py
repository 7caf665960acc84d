"""How a campaign stands, and how each fact changes that. Pure: the aggregate, its snapshots, the list of
campaigns and the history all fold with ``evolve``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
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
from domain.shared.event import Event
from domain.shared.made import made


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
    known = {
        "settings": event.settings, "status": Status.DRAFT, "created_by": event.by, "duplicate_of": event.duplicate_of
    }  # fmt: skip
    return made(CampaignState, _UNKNOWN | known)


def evolve(state: CampaignState, *events: Event) -> CampaignState:
    """The state after some more events, of those in ``KNOWN``. Only assigns."""
    now, settings = dict(vars(state)), dict(vars(state.settings))
    for event in events:
        kind = type(event)
        status = _STATUSES.get(kind)
        if status is not None:
            now["status"] = status
        elif kind in _CHANGES:
            _CHANGES[kind](now, settings, event)
        else:
            raise TypeError(f"a campaign does not know {kind.__name__}")
    now["settings"] = made(Settings, settings)
    return made(CampaignState, now)


Fields = dict[str, Any]
"""Those of a state, or of its settings, by name."""

_UNKNOWN: Fields = {field.name: field.default for field in fields(CampaignState) if field.default is not MISSING}


def _changed(now: Fields, settings: Fields, event: CampaignChanged) -> None:
    for name in event.fields:
        settings[name] = getattr(event, name)


def _scheduled(now: Fields, settings: Fields, event: CampaignScheduled) -> None:
    now["status"], settings["schedule"] = Status.SCHEDULED, event.schedule


def _launched(now: Fields, settings: Fields, event: CampaignLaunched) -> None:
    now["status"], settings["schedule"] = Status.ACTIVE, event.schedule
    now["started_at"], now["readiness"] = event.timestamp, event.report


def _completed(now: Fields, settings: Fields, event: CampaignCompleted) -> None:
    now.update(status=Status.COMPLETED, completed_at=event.timestamp, final=event.final)


def _failed(now: Fields, settings: Fields, event: CampaignFailed) -> None:
    now.update(status=Status.FAILED, failure=Failure(event.reason, event.detail, event.report))


def _archived(now: Fields, settings: Fields, event: CampaignArchived) -> None:
    now.update(status=Status.ARCHIVED, archived_from=now["status"])


def _unarchived(now: Fields, settings: Fields, event: CampaignUnarchived) -> None:
    now.update(status=event.status, archived_from=None)


def _deleted(now: Fields, settings: Fields, event: CampaignDeleted) -> None:
    now["deleted_at"] = event.timestamp


def _restored(now: Fields, settings: Fields, event: CampaignRestored) -> None:
    now["deleted_at"] = None


# By type and not by match: isinstance() of a class with a metaclass is slow, and rebuilds come here millions of times.
_STATUSES: dict[type, Status] = {
    CampaignUnscheduled: Status.DRAFT,
    CampaignPaused: Status.PAUSED,
    CampaignResumed: Status.ACTIVE,
    CampaignCancelled: Status.CANCELLED,
}
_CHANGES: dict[type, Callable[[Fields, Fields, Any], None]] = {
    CampaignChanged: _changed,
    CampaignScheduled: _scheduled,
    CampaignLaunched: _launched,
    CampaignCompleted: _completed,
    CampaignFailed: _failed,
    CampaignArchived: _archived,
    CampaignUnarchived: _unarchived,
    CampaignDeleted: _deleted,
    CampaignRestored: _restored,
}
KNOWN = frozenset(_STATUSES) | frozenset(_CHANGES)
"""The events that ``evolve`` takes: all but the first."""
