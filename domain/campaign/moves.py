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


_ENDED = (Move.ARCHIVE,)

MOVES: Mapping[Status, tuple[Move, ...]] = {
    Status.DRAFT: (Move.SCHEDULE, Move.LAUNCH, Move.CANCEL, Move.ARCHIVE),
    Status.SCHEDULED: (Move.SCHEDULE, Move.UNSCHEDULE, Move.LAUNCH, Move.CANCEL),
    Status.ACTIVE: (Move.PAUSE, Move.COMPLETE, Move.CANCEL),
    Status.PAUSED: (Move.RESUME, Move.COMPLETE, Move.CANCEL),
    Status.COMPLETED: _ENDED,
    Status.CANCELLED: _ENDED,
    Status.FAILED: _ENDED,
    Status.ARCHIVED: (Move.UNARCHIVE,),
}
"""The moves that each status leaves open, in the table's order. Where a move leads is what its event says."""

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
