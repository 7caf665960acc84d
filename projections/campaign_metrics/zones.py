"""What the clocks of a place show, from the same time zone data that checked its name.

The database's own data may be older or absent, so it is told which offset holds from when until when. All changes
fall on quarters of an hour, but for St. John's until 2011 and Casey until 2022, whose clocks changed a minute later:
that minute counts with the offset before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_FIRST_YEAR = 2000
"""No fact happened earlier."""


@dataclass(frozen=True)
class Offset:
    """The offset from UTC that holds in [starts, ends)."""

    starts: datetime
    ends: datetime
    offset: timedelta

    @property
    def written(self) -> str:
        """As RFC 3339 writes it: ``+05:45``."""
        minutes = round(self.offset.total_seconds() / 60)
        sign = "-" if minutes < 0 else "+"
        return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


@lru_cache(maxsize=64)
def offsets(zone: str, last_year: int) -> tuple[Offset, ...]:
    """The offsets of a place through ``last_year``, without gap, each as long as it holds."""
    place = ZoneInfo(zone)
    at = datetime(_FIRST_YEAR - 1, 12, 30, tzinfo=UTC)
    end = datetime(last_year + 1, 1, 3, tzinfo=UTC)
    found: list[Offset] = []
    while at < end:
        change = _next_change(place, at, end)
        found.append(Offset(at, change, at.astimezone(place).utcoffset() or timedelta()))
        at = change
    return tuple(found)


def _next_change(place: ZoneInfo, at: datetime, end: datetime) -> datetime:
    """The first moment after ``at`` with another offset, found by days and then by halves; ``end`` without
    one."""
    offset = at.astimezone(place).utcoffset()
    day = at
    while day < end:
        later = min(day + timedelta(days=1), end)
        if later.astimezone(place).utcoffset() != offset:
            while later - day > timedelta(seconds=1):
                middle = day + timedelta(seconds=(later - day) // timedelta(seconds=2))
                if middle.astimezone(place).utcoffset() == offset:
                    day = middle
                else:
                    later = middle
            return later
        day = later
    return end
