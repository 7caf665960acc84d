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


def evolve(state: CampaignState, event: Event) -> CampaignState:
    """The state after one more event, of those in ``KNOWN``. Only assigns."""
    changes = _CHANGES.get(type(event))
    if changes is None:
        raise TypeError(f"a campaign does not know {type(event).__name__}")
    return altered(state, **changes(state, event))


def _changed(state: CampaignState, event: CampaignChanged) -> dict[str, Any]:
    changed = {name: getattr(event, name) for name in event.fields}
    return {"settings": altered(state.settings, **changed)}


def _scheduled(state: CampaignState, event: CampaignScheduled) -> dict[str, Any]:
    return {"status": Status.SCHEDULED, "settings": altered(state.settings, schedule=event.schedule)}


def _launched(state: CampaignState, event: CampaignLaunched) -> dict[str, Any]:
    return {
        "status": Status.ACTIVE,
        "started_at": event.timestamp,
        "readiness": event.report,
        "settings": altered(state.settings, schedule=event.schedule),
    }


def _completed(state: CampaignState, event: CampaignCompleted) -> dict[str, Any]:
    return {"status": Status.COMPLETED, "completed_at": event.timestamp, "final": event.final}


def _failed(state: CampaignState, event: CampaignFailed) -> dict[str, Any]:
    return {"status": Status.FAILED, "failure": Failure(event.reason, event.detail, event.report)}


# By type and not by match: isinstance() of a class with a metaclass is slow, and rebuilds come here millions of times.
_CHANGES: dict[type, Callable[[CampaignState, Any], dict[str, Any]]] = {
    CampaignChanged: _changed,
    CampaignScheduled: _scheduled,
    CampaignUnscheduled: lambda state, event: {"status": Status.DRAFT},
    CampaignLaunched: _launched,
    CampaignPaused: lambda state, event: {"status": Status.PAUSED},
    CampaignResumed: lambda state, event: {"status": Status.ACTIVE},
    CampaignCompleted: _completed,
    CampaignCancelled: lambda state, event: {"status": Status.CANCELLED},
    CampaignFailed: _failed,
    CampaignArchived: lambda state, event: {"status": Status.ARCHIVED, "archived_from": state.status},
    CampaignUnarchived: lambda state, event: {"status": event.status, "archived_from": None},
    CampaignDeleted: lambda state, event: {"deleted_at": event.timestamp},
    CampaignRestored: lambda state, event: {"deleted_at": None},
}
KNOWN = frozenset(_CHANGES)
"""The events that ``evolve`` takes: all but the first."""
