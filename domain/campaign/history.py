"""What happened to a campaign, told from its events: in words, and as values from and to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
from domain.campaign.state import CampaignState, begun, evolve
from domain.shared.differences import differences
from domain.shared.times import written, written_or_none


@dataclass(frozen=True)
class Entry:
    """One event as the history shows it; ``changes`` are ``{"pointer", "from", "to"}``."""

    version: int
    event: str
    text: str
    by: str
    recorded_at: datetime
    changes: tuple[dict[str, Any], ...]


def entries(events: Iterable[CampaignEvent]) -> Iterator[Entry]:
    """The history of a whole stream, oldest first."""
    state: CampaignState | None = None
    for event in events:
        before = state
        state = begun(event) if isinstance(event, CampaignDrafted) else evolve(_known(before), event)
        yield Entry(
            version=event.originator_version,
            event=event.TOPIC,
            text=_words(event),
            by=event.by,
            recorded_at=event.timestamp,
            changes=tuple(differences(_document(before), _document(state))),
        )


def _document(state: CampaignState | None) -> dict[str, Any]:
    if state is None:
        return {}
    return {
        **state.settings.document(),
        "status": state.status.value,
        "deleted_at": written_or_none(state.deleted_at),
    }


def _known(state: CampaignState | None) -> CampaignState:
    if state is None:
        raise TypeError("a history begins with the draft")
    return state


def _words(event: CampaignEvent) -> str:
    match event:
        case CampaignDrafted(duplicate_of=None, settings=settings):
            return f"Drafted “{settings.name}”."
        case CampaignDrafted(duplicate_of=source, settings=settings):
            return f"Drafted “{settings.name}” as a duplicate of {source}."
        case CampaignChanged(fields=()):
            return "Changed nothing."
        case CampaignChanged(fields=fields):
            return f"Changed {_list(fields)}."
        case CampaignScheduled(schedule=schedule):
            return f"Scheduled for {written_or_none(schedule.starts_at)}."
        case CampaignUnscheduled():
            return "Taken off the schedule."
        case CampaignLaunched(due_at=None):
            return "Launched."
        case CampaignLaunched(due_at=due_at):
            return f"Launched, as scheduled for {written_or_none(due_at)}."
        case CampaignPaused():
            return "Paused."
        case CampaignResumed():
            return "Resumed."
        case CampaignCompleted(due_at=None):
            return "Completed."
        case CampaignCompleted(due_at=due_at):
            return f"Completed, as its end was {written_or_none(due_at)}."
        case CampaignCancelled():
            return "Cancelled."
        case CampaignFailed(detail=detail, due_at=due_at):
            return f"Failed when due at {written(due_at)}: {detail}"
        case CampaignArchived():
            return "Archived."
        case CampaignUnarchived(status=status):
            return f"Taken back from the archive, {status} as before."
        case CampaignDeleted():
            return "Deleted."
        case CampaignRestored():
            return "Restored."
    raise TypeError(f"no words for {type(event).__name__}")


def _list(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
