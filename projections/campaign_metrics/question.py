"""From what is asked to the one statement that answers it, where nothing stands ready (``standing.py``): sums and
unique counts by several labels, by time, or in a window.

A window or a time of day is summed from quarters of an hour, and its cut edges and unique counts are counted in the
log; unique counts by several labels in the contacts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from domain.shared.errors import Fault, Invalid
from domain.shared.times import time_zones
from projections.campaign_metrics import statements as say
from projections.campaign_metrics.zones import offsets

LABELS = ("variant", "platform", "segment", "device", "country", "link")
TIMES = ("hour", "day")
DIMENSIONS = LABELS + TIMES
"""In the order in which a row's keys stand."""

QUARTER = timedelta(minutes=15)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class Question(NamedTuple):
    """``statement``, and its parameters but for ``workspace`` and ``id``."""

    statement: str
    parameters: dict[str, Any]


def question(
    group_by: Sequence[str], starts: datetime | None, ends: datetime | None, zone: str, this_year: int
) -> Question:
    """The question for facts in [starts, ends); ``check`` finds its faults."""
    labels = [name for name in group_by if name in LABELS]
    times = [name for name in group_by if name in TIMES]
    windowed = starts is not None or ends is not None
    pieces = _Pieces(bool(labels), bool(times), windowed)
    parameters = _window(starts, ends) | _zone(zone, this_year)
    parameters |= {name: name in group_by for name in DIMENSIONS}
    return Question(say.statement(pieces.relations(), pieces.parts()), parameters)


@dataclass(frozen=True)
class _Pieces:
    """Chooses the pieces of the statement."""

    labels: bool
    times: bool
    windowed: bool

    @property
    def from_log(self) -> bool:
        """Whether unique counts need the facts themselves."""
        return self.windowed or self.times

    def relations(self) -> list[str]:
        """What the parts read."""
        found = [say.HEAD]
        if self.from_log:
            found.append(say.LOG)
        if self.windowed:
            found += [say.CUT, say.SERIES_IN_WINDOW]
        elif self.times:
            found.append(say.SERIES)
        if self.labels or self.times:
            found += [
                say.LABEL_KEYS if self.labels else say.NO_LABEL_KEYS,
                say.MOMENTS if self.times else say.NO_MOMENTS,
                self._grouped(),
            ]
        if self.from_log:
            found += [say.SEEN, self._people()]
        else:
            found.append(say.UNIQUE_IN_CONTACTS)
        return found

    def parts(self) -> list[str]:
        """What is answered."""
        found = [
            say.HEAD_ROW,
            say.TOTAL_IN_WINDOW if self.windowed else say.TOTAL,
            say.UNIQUE_IN_WINDOW if self.windowed else say.UNIQUE,
        ]
        if self.labels or self.times:
            found += [say.GROUPS, say.UNIQUE_GROUPS]
        return found

    def _grouped(self) -> str:
        if not self.labels:
            return say.BY_TIME
        if not self.times:
            return say.BY_LABELS_IN_WINDOW if self.windowed else say.BY_LABELS
        return say.BY_LABELS_AND_TIME_IN_WINDOW if self.windowed else say.BY_LABELS_AND_TIME

    def _people(self) -> str:
        if self.labels and self.times:
            return say.PEOPLE_BY_BOTH
        if self.labels:
            return say.PEOPLE_BY_LABELS
        return say.PEOPLE_BY_TIME if self.times else say.PEOPLE


def check(group_by: Sequence[str], starts: datetime | None, ends: datetime | None, zone: str) -> None:
    """Raises Invalid with every fault of a question."""
    faults = [
        Fault("/group_by", "choice", f"{name!r} is none of: {', '.join(DIMENSIONS)}.")
        for name in group_by
        if name not in DIMENSIONS
    ]
    if len(set(group_by)) < len(group_by):
        faults.append(Fault("/group_by", "repeated", "Name each dimension once."))
    if starts is not None and ends is not None and ends <= starts:
        faults.append(Fault("/to", "range", "to must be after from."))
    if zone not in time_zones():
        faults.append(Fault("/time_zone", "time_zone", f"{zone[:64]!r} is no time zone of the IANA database."))
    if faults:
        raise Invalid(faults)


def _window(starts: datetime | None, ends: datetime | None) -> dict[str, Any]:
    """The window, its whole quarters of an hour (``inner``) and, within these, its whole days in UTC."""
    first = _up(starts, QUARTER) if starts else None
    last = _down(ends, QUARTER) if ends else None
    if first and last and first >= last:
        first = last = ends
    day_first = _up(first, timedelta(days=1)) if first else None
    day_last = _down(last, timedelta(days=1)) if last else None
    if day_first and day_last and day_first >= day_last:
        day_first = day_last = last
    return {
        "starts": _text(starts, "-infinity"),
        "ends": _text(ends, "infinity"),
        "inner_starts": _text(first, "-infinity"),
        "inner_ends": _text(last, "infinity"),
        "days_start": _text(day_first, "-infinity"),
        "days_end": _text(day_last, "infinity"),
    }


def _text(at: datetime | None, otherwise: str) -> str:
    return otherwise if at is None else at.isoformat()


def _zone(zone: str, this_year: int) -> dict[str, Any]:
    found = offsets(zone, this_year + 1)
    return {
        "zone_starts": ["-infinity", *(offset.starts.isoformat() for offset in found[1:])],
        "zone_ends": [*(offset.ends.isoformat() for offset in found[:-1]), "infinity"],
        "zone_offsets": [offset.offset for offset in found],
        "zone_written": [offset.written for offset in found],
        "zone_before": [before.written for before in (found[0], *found[:-1])],
    }


def _down(at: datetime, step: timedelta) -> datetime:
    epoch = datetime(2000, 1, 1, tzinfo=UTC)
    return epoch + (at - epoch) // step * step


def _up(at: datetime, step: timedelta) -> datetime:
    """The next whole step; the end of time where none is left before it."""
    down = _down(at, step)
    if down == at:
        return at
    return down + step if down <= _END_OF_TIME - step else _END_OF_TIME
