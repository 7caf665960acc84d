"""The campaign: what it allows, and what then happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from domain.campaign import events
from domain.campaign.errors import CampaignFieldLocked, CampaignNotReady, NothingDue
from domain.campaign.locks import fault_of_currency, locked_fields
from domain.campaign.moves import MAY_CHANGE, MAY_DELETE, Move, allowed
from domain.campaign.readiness import Readiness, readiness
from domain.campaign.schedule import Schedule, faults_of_end, faults_of_start, read_schedule
from domain.campaign.settings import Settings, changed_fields, patched, patched_copy, read_new
from domain.campaign.state import CampaignState, begun, evolve
from domain.campaign.words import Status
from domain.shared.aggregate import Aggregate
from domain.shared.errors import Fault, Invalid, MoveNotAllowed
from domain.shared.merge_patch import merged
from domain.shared.reading import document


class Campaign(Aggregate):
    """One campaign of a workspace, from its draft to its archive.

    Commands take ``by`` (the opaque id of who asks) and ``at`` (now); each one that is accepted is one event.
    They raise MoveNotAllowed, CampaignFieldLocked, CampaignNotReady, NothingDue or Invalid.
    """

    KIND = "campaign"
    STATE = CampaignState

    def __init__(self) -> None:
        self._state: CampaignState

    # How it begins, and how it is loaded

    @classmethod
    def draft(cls, document: Any, *, id: UUID, by: str, at: datetime) -> Self:
        """A new draft of what a client wrote; ``id`` is taken where the document names none."""
        named, settings = read_new(document)
        return cls._create(
            events.CampaignDrafted, id=named or id, settings=settings, duplicate_of=None, by=by, timestamp=at
        )

    @classmethod
    def from_state(
        cls, id: UUID, version: int, created_on: datetime, modified_on: datetime, state: CampaignState
    ) -> Self:
        """The campaign that a snapshot holds."""
        campaign = cls.__new__(cls)
        campaign.__base_init__(id, version, created_on)
        campaign.modified_on = modified_on
        campaign._state = state
        return campaign

    def state(self) -> CampaignState:
        """How it stands: all of it, in one immutable value."""
        return self._state

    @property
    def status(self) -> Status:
        """Where it stands in the table of moves."""
        return self._state.status

    @property
    def settings(self) -> Settings:
        """What its people wrote."""
        return self._state.settings

    @property
    def currency(self) -> str:
        """The currency of all its money, fixed when it was drafted."""
        return self.settings.currency

    # What its people decide

    def change(self, patch: Any, *, by: str, at: datetime) -> None:
        """Apply a merge patch (RFC 7396) to the settings."""
        if self._state.deleted:
            raise self._refusal("update")
        document(patch)
        self._check_locks(fault_of_currency(self.settings, patch))
        after = patched(self.settings, patch)
        self._check_locks(locked_fields(self.status, self.settings, after))
        if not MAY_CHANGE[self.status]:
            raise self._refusal("update")
        fields = changed_fields(self.settings, after)
        if "schedule" in fields:
            self._check_new_schedule(after.schedule, at)
        new_values = {name: getattr(after, name) for name in fields}
        self._happened(events.CampaignChanged, by, at, patch=patch, fields=fields, **new_values)

    def schedule(self, details: Any, *, by: str, at: datetime) -> None:
        """Wait for a start; ``details`` are fields of the schedule, and what is absent stays."""
        self._check_move(Move.SCHEDULE)
        schedule = self._schedule_with(details)
        if faults := faults_of_start(schedule, at, ""):
            raise Invalid(faults)
        self._happened(events.CampaignScheduled, by, at, schedule=schedule)

    def unschedule(self, *, by: str, at: datetime) -> None:
        """Be a draft again."""
        self._check_move(Move.UNSCHEDULE)
        self._happened(events.CampaignUnscheduled, by, at)

    def launch(self, *, by: str, at: datetime) -> None:
        """Begin now, if ready."""
        self._check_move(Move.LAUNCH)
        report = self.readiness(at)
        if not report.ready:
            raise CampaignNotReady(report)
        self._happened(events.CampaignLaunched, by, at, report=report, schedule=self._schedule_after_launch())

    def pause(self, *, by: str, at: datetime) -> None:
        """Rest."""
        self._check_move(Move.PAUSE)
        self._happened(events.CampaignPaused, by, at)

    def resume(self, *, by: str, at: datetime) -> None:
        """Go on."""
        self._check_move(Move.RESUME)
        self._happened(events.CampaignResumed, by, at)

    def complete(self, final: dict[str, Any], *, by: str, at: datetime) -> None:
        """End now; ``final`` are the metrics as they are, with their position."""
        self._check_move(Move.COMPLETE)
        self._happened(events.CampaignCompleted, by, at, final=final)

    def cancel(self, *, by: str, at: datetime) -> None:
        """Be given up."""
        self._check_move(Move.CANCEL)
        self._happened(events.CampaignCancelled, by, at)

    def archive(self, *, by: str, at: datetime) -> None:
        """Be put away."""
        self._check_move(Move.ARCHIVE)
        self._happened(events.CampaignArchived, by, at)

    def unarchive(self, *, by: str, at: datetime) -> None:
        """Be taken back to the status before the archive."""
        self._check_move(Move.UNARCHIVE)
        self._happened(events.CampaignUnarchived, by, at, status=self._state.archived_from)

    def delete(self, *, by: str, at: datetime) -> None:
        """Be deleted, softly."""
        if self._state.deleted or self.status not in MAY_DELETE:
            raise self._refusal(Move.DELETE)
        self._happened(events.CampaignDeleted, by, at)

    def restore(self, *, by: str, at: datetime) -> None:
        """Be as before the deletion."""
        self._check_move(Move.RESTORE)
        self._happened(events.CampaignRestored, by, at)

    def duplicate(self, patch: Any, *, id: UUID, by: str, at: datetime) -> Self:
        """A new draft with these settings after a merge patch; ``id`` is taken where that names none."""
        if self._state.deleted:
            raise self._refusal("duplicate")
        named, settings = patched_copy(self.settings, patch)
        return self._create(
            events.CampaignDrafted,
            id=named or id,
            settings=settings,
            duplicate_of=self.id,
            by=by,
            timestamp=at,
        )

    # What the product does when it is due

    def due_work(self) -> dict[str, datetime | None]:
        """When to launch and when to complete, as things stand."""
        schedule = self.settings.schedule
        return {
            "launch": schedule.starts_at if self.status is Status.SCHEDULED else None,
            "complete": schedule.ends_at if self.status in (Status.ACTIVE, Status.PAUSED) else None,
        }

    def due_launch(self, *, by: str, at: datetime) -> None:
        """Launch as the start has come; fail where readiness is lost, or where the end has passed too."""
        due_at = self._due("launch", at)
        report = self.readiness(at, due=True)
        if report.ready:
            schedule = self._schedule_after_launch()
            self._happened(events.CampaignLaunched, by, at, report=report, schedule=schedule, due_at=due_at)
            return
        ends_at = self.settings.schedule.ends_at
        if ends_at is not None and ends_at <= at:
            reason, detail = "missed", "Both its start and its end had passed before it could be launched."
        else:
            reason, detail = "not_ready", "It was not ready when its start came."
        self._happened(
            events.CampaignFailed, by, at, reason=reason, detail=detail, report=report, due_at=due_at
        )

    def due_complete(self, final: dict[str, Any], *, by: str, at: datetime) -> None:
        """Complete because the end has come."""
        due_at = self._due("complete", at)
        self._happened(events.CampaignCompleted, by, at, final=final, due_at=due_at)

    # What it knows

    def readiness(self, at: datetime, *, due: bool = False) -> Readiness:
        """Whether it could be launched now, with every problem."""
        return readiness(self.settings, self.status, at, due=due)

    def when(self, event: Any) -> None:
        """Take over what the event says."""
        if isinstance(event, events.CampaignDrafted):
            self._state = begun(event)
        else:
            self._state = evolve(self._state, event)

    def _check_move(self, move: Move) -> None:
        if move not in allowed(self.status, self._state.deleted):
            raise self._refusal(move)

    def _check_locks(self, faults: list[Fault]) -> None:
        if faults:
            raise CampaignFieldLocked(faults, self._allowed())

    def _refusal(self, move: str) -> MoveNotAllowed:
        status = "deleted" if self._state.deleted else self.status.value
        return MoveNotAllowed(str(move), status, self._allowed())

    def _allowed(self) -> list[str]:
        return [move.value for move in allowed(self.status, self._state.deleted)]

    def _check_new_schedule(self, schedule: Schedule, at: datetime) -> None:
        """A draft may plan anything; what waits or runs needs moments that can still come."""
        before = self.settings.schedule
        faults = []
        if self.status is Status.SCHEDULED and schedule.starts_at != before.starts_at:
            faults = faults_of_start(schedule, at, "/schedule")
        elif self.status is Status.SCHEDULED and schedule.ends_at != before.ends_at:
            faults = faults_of_end(schedule, at, "/schedule")
        elif self.status is not Status.DRAFT and schedule.ends_at != before.ends_at:
            # It began long ago, whatever start its draft had planned.
            faults = faults_of_end(replace(schedule, starts_at=None), at, "/schedule")
        if faults:
            raise Invalid(faults)

    def _schedule_with(self, details: Any) -> Schedule:
        """The schedule with the fields of a body laid over it; faults point into that body."""
        document(details)
        place = document(merged(self.settings.schedule.document(), details))
        schedule = read_schedule(place)
        if place.faults:
            raise Invalid(place.faults)
        return schedule

    def _schedule_after_launch(self) -> Schedule:
        """A launch of a scheduled campaign uses its start up; a draft keeps what was planned."""
        schedule = self.settings.schedule
        return replace(schedule, starts_at=None) if self.status is Status.SCHEDULED else schedule

    def _due(self, kind: str, at: datetime) -> datetime:
        due_at = self.due_work()[kind]
        if due_at is None or due_at > at:
            raise NothingDue
        return due_at

    def _happened(self, event: type[events.CampaignEvent], by: str, at: datetime, **facts: Any) -> None:
        self.trigger_event(event, by=by, timestamp=at, **facts)
