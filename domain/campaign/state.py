"""How a campaign stands, and how each fact changes that. Pure: the aggregate, its snapshots, the list of
campaigns and the history all fold with ``evolve``."""

from __future__ import annotations

from collections.abc import Callable
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
from domain.shared.event import Event


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


def evolve(state: CampaignState, *events: Event) -> CampaignState:
    """The state after some more events, of those in ``KNOWN``. Only assigns."""
    now = dict(vars(state))
    for event in events:
        kind = type(event)
        if kind in _STATUSES:
            now["status"] = _STATUSES[kind]
        elif kind in _CHANGES:
            now.update(_CHANGES[kind](now, event))
        else:
            raise TypeError(f"a campaign does not know {kind.__name__}")
    return altered(state, **now)


Now = dict[str, Any]
"""The fields of a state by name."""


def _changed(now: Now, event: CampaignChanged) -> Now:
    changed = {name: getattr(event, name) for name in event.fields}
    return {"settings": altered(now["settings"], **changed)}


def _scheduled(now: Now, event: CampaignScheduled) -> Now:
    return {"status": Status.SCHEDULED, "settings": altered(now["settings"], schedule=event.schedule)}


def _launched(now: Now, event: CampaignLaunched) -> Now:
    return {
        "status": Status.ACTIVE,
        "started_at": event.timestamp,
        "readiness": event.report,
        "settings": altered(now["settings"], schedule=event.schedule),
    }


def _completed(now: Now, event: CampaignCompleted) -> Now:
    return {"status": Status.COMPLETED, "completed_at": event.timestamp, "final": event.final}


def _failed(now: Now, event: CampaignFailed) -> Now:
    return {"status": Status.FAILED, "failure": Failure(event.reason, event.detail, event.report)}


# By type and not by match: isinstance() of a class with a metaclass is slow, and rebuilds come here millions of times.
_STATUSES: dict[type, Status] = {
    CampaignUnscheduled: Status.DRAFT,
    CampaignPaused: Status.PAUSED,
    CampaignResumed: Status.ACTIVE,
    CampaignCancelled: Status.CANCELLED,
}
_CHANGES: dict[type, Callable[[Now, Any], Now]] = {
    CampaignChanged: _changed,
    CampaignScheduled: _scheduled,
    CampaignLaunched: _launched,
    CampaignCompleted: _completed,
    CampaignFailed: _failed,
    CampaignArchived: lambda now, event: {"status": Status.ARCHIVED, "archived_from": now["status"]},
    CampaignUnarchived: lambda now, event: {"status": event.status, "archived_from": None},
    CampaignDeleted: lambda now, event: {"deleted_at": event.timestamp},
    CampaignRestored: lambda now, event: {"deleted_at": None},
}
KNOWN = frozenset(_STATUSES) | frozenset(_CHANGES)
"""The events that ``evolve`` takes: all but the first."""
