"""When a campaign runs: from a start to an end, both optional, thought of in a named time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.shared.errors import Fault
from domain.shared.reading import Value
from domain.shared.times import written_or_none

RESERVED = ("frequency", "delivery_time")
FIELDS = ("starts_at", "ends_at", "time_zone")


@dataclass(frozen=True)
class Schedule:
    """Moments in UTC; ``time_zone`` is the one that people mean, and moves neither of them."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    time_zone: str = "UTC"

    @property
    def ends_before_it_starts(self) -> bool:
        """Whether both are known and nothing lies between them."""
        return self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at

    def document(self) -> dict[str, Any]:
        """As every answer writes it."""
        return {
            "starts_at": written_or_none(self.starts_at),
            "ends_at": written_or_none(self.ends_at),
            "time_zone": self.time_zone,
        }


def read_schedule(place: Value) -> Schedule:
    """A schedule as a client sends it."""
    place.fields(FIELDS, RESERVED)
    return Schedule(
        starts_at=place.field("starts_at").moment(),
        ends_at=place.field("ends_at").moment(),
        time_zone=place.field("time_zone").time_zone() or "UTC",
    )


def faults_of_start(schedule: Schedule, at: datetime, pointer: str) -> list[Fault]:
    """Why a campaign can't wait for this start: there is none, it is past, or the end comes first."""
    faults = []
    if schedule.starts_at is None:
        faults.append(Fault(f"{pointer}/starts_at", "required", "A scheduled campaign needs a start."))
    elif schedule.starts_at <= at:
        faults.append(Fault(f"{pointer}/starts_at", "past", "The start is past."))
    return faults + faults_of_end(schedule, at, pointer)


def faults_of_end(schedule: Schedule, at: datetime, pointer: str) -> list[Fault]:
    """Why a campaign can't end then: it is not after the start, or it is past."""
    if schedule.ends_before_it_starts:
        return [Fault(f"{pointer}/ends_at", "end_before_start", "The end must be after the start.")]
    if schedule.ends_at is not None and schedule.ends_at <= at:
        return [Fault(f"{pointer}/ends_at", "past", "The end is past.")]
    return []
