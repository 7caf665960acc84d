"""The table of moves: what a campaign may do in each status. Nothing else in the product decides this."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from domain.campaign.words import Status


class Move(StrEnum):
    """What one can ask a campaign to do: the columns of the table, and the way back from deletion."""

    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    LAUNCH = "launch"
    PAUSE = "pause"
    RESUME = "resume"
    COMPLETE = "complete"
    CANCEL = "cancel"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    DELETE = "delete"
    RESTORE = "restore"


_ENDED: Mapping[Move, Status | None] = {Move.ARCHIVE: Status.ARCHIVED}

MOVES: Mapping[Status, Mapping[Move, Status | None]] = {
    Status.DRAFT: {
        Move.SCHEDULE: Status.SCHEDULED,
        Move.LAUNCH: Status.ACTIVE,
        Move.CANCEL: Status.CANCELLED,
        Move.ARCHIVE: Status.ARCHIVED,
    },
    Status.SCHEDULED: {
        Move.SCHEDULE: Status.SCHEDULED,
        Move.UNSCHEDULE: Status.DRAFT,
        Move.LAUNCH: Status.ACTIVE,
        Move.CANCEL: Status.CANCELLED,
    },
    Status.ACTIVE: {
        Move.PAUSE: Status.PAUSED,
        Move.COMPLETE: Status.COMPLETED,
        Move.CANCEL: Status.CANCELLED,
    },
    Status.PAUSED: {
        Move.RESUME: Status.ACTIVE,
        Move.COMPLETE: Status.COMPLETED,
        Move.CANCEL: Status.CANCELLED,
    },
    Status.COMPLETED: _ENDED,
    Status.CANCELLED: _ENDED,
    Status.FAILED: _ENDED,
    Status.ARCHIVED: {Move.UNARCHIVE: None},
}
"""Where each move leads; None is the status before."""

MAY_DELETE = frozenset({Status.DRAFT, Status.COMPLETED, Status.CANCELLED, Status.FAILED, Status.ARCHIVED})

_EVERYTHING = frozenset(
    {
        "/name",
        "/description",
        "/type",
        "/delivery",
        "/platforms",
        "/content",
        "/audience",
        "/budget",
        "/goals",
        "/schedule/starts_at",
        "/schedule/ends_at",
        "/schedule/time_zone",
        "/tags",
    }
)
_LABELS = frozenset({"/name", "/tags", "/description"})
_RUNNING = _LABELS | {"/goals", "/budget", "/schedule/ends_at"}

MAY_CHANGE: Mapping[Status, frozenset[str]] = {
    Status.DRAFT: _EVERYTHING,
    Status.SCHEDULED: _EVERYTHING - {"/type", "/delivery"},
    Status.ACTIVE: _RUNNING,
    Status.PAUSED: _RUNNING | {"/content"},
    Status.COMPLETED: _LABELS,
    Status.CANCELLED: _LABELS,
    Status.FAILED: _LABELS,
    Status.ARCHIVED: frozenset(),
}
"""What a merge patch may change in each status, by pointer; the currency is fixed at creation."""

BUDGET_ONLY_UPWARDS = frozenset({Status.ACTIVE, Status.PAUSED})


def allowed(status: Status, deleted: bool) -> list[Move]:
    """The moves that are open, in the table's order."""
    return [Move.RESTORE] if deleted else list(MOVES[status])
