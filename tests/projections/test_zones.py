"""What the clocks of a place show, from the time zone data alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.shared.times import time_zones
from projections.campaign_metrics.zones import offsets

moments = st.datetimes(datetime(2000, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@pytest.mark.req("ANA-2")
@settings(deadline=None)
@given(zone=st.sampled_from(sorted(time_zones())), at=moments)
def test_every_moment_has_the_offset_of_its_place(zone: str, at: datetime) -> None:
    found = [offset for offset in offsets(zone, 2027) if offset.starts <= at < offset.ends]

    assert len(found) == 1
    assert found[0].offset == at.astimezone(ZoneInfo(zone)).utcoffset()


@pytest.mark.req("ANA-2")
def test_changes_of_the_clocks_are_found_to_the_second() -> None:
    changes = [offset.starts for offset in offsets("Europe/Paris", 2026) if offset.starts.year == 2026]

    assert changes == [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]


@pytest.mark.req("ANA-2")
@pytest.mark.parametrize(
    ("zone", "written"),
    [("UTC", "+00:00"), ("Asia/Kathmandu", "+05:45"), ("America/St_Johns", "-03:30"), ("Asia/Kolkata", "+05:30")],
)
def test_offsets_are_written_as_in_rfc_3339(zone: str, written: str) -> None:
    at = datetime(2026, 1, 15, tzinfo=UTC)

    assert [offset.written for offset in offsets(zone, 2026) if offset.starts <= at < offset.ends] == [written]


@pytest.mark.req("ANA-2")
def test_changes_lie_on_quarters_of_an_hour_everywhere() -> None:
    """Else sums by quarters of an hour could not be the sums of local hours. (Until 2011, St. John's changed its clocks
    a minute after midnight, and Casey in the Antarctic until 2022: that one minute counts with the offset before.)"""
    epoch = datetime(2000, 1, 1, tzinfo=UTC)
    for zone in sorted(time_zones() - {"Antarctica/Casey"})[::9]:
        changes = [offset for offset in offsets(zone, 2027)[1:] if offset.starts.year > 2011]
        for offset in changes:
            assert (offset.starts - epoch) % timedelta(minutes=15) == timedelta()
            assert offset.offset % timedelta(minutes=15) == timedelta()
