"""Moments: RFC 3339 with an offset comes in, UTC with six digits of microseconds and ``Z`` goes out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import available_timezones

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(?:([Zz])|([+-]\d\d:\d\d))", re.ASCII
)
_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})


def moment(text: str) -> datetime | None:
    """The moment that an RFC 3339 text names, in UTC; None where it is no such text or has no offset.

    Digits beyond the microsecond are cut. Leap seconds are refused, like every clock of ours does.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    day, time, fraction, _, offset = match.groups()
    try:
        return datetime.fromisoformat(
            f"{day}T{time}.{(fraction or '')[:6]:0<6}{offset or '+00:00'}"
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def written(at: datetime) -> str:
    """A moment as every answer writes it: ``2026-12-01T08:00:00.000000Z``."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def written_or_none(at: datetime | None) -> str | None:
    """As ``written``; None stays None."""
    return None if at is None else written(at)


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """The names of the IANA time zones that this installation knows."""
    return frozenset(available_timezones()) - _NO_PLACES
