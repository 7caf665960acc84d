"""Moments come in with an offset and go out in UTC with microseconds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.times import moment, time_zones, written, written_or_none


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01T09:00:00+01:00", "2026-12-01T08:00:00.000000Z"),
        ("2026-12-01t09:00:00.5z", "2026-12-01T09:00:00.500000Z"),
        ("2026-12-01 09:00:00.123456789-05:45", "2026-12-01T14:45:00.123456Z"),
        ("2024-02-29T23:59:59.999999-00:01", "2024-03-01T00:00:59.999999Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000000Z"),
    ],
)
def test_a_moment_is_answered_in_utc(text: str, expected: str) -> None:
    found = moment(text)

    assert found is not None
    assert found.tzinfo is UTC
    assert written(found) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01T09:00:00",
        "2026-12-01",
        "2026-12-01T09:00Z",
        "2026-12-01T09:00:00+0100",
        "2026-12-01T09:00:00+25:00",
        "2026-13-01T09:00:00Z",
        "2026-02-29T09:00:00Z",
        "2026-12-01T24:00:00Z",
        "2026-12-31T23:59:60Z",
        "2026-12-01T09:00:00.Z",
        "2026-12-01T09:00:00Z\n",
        "٢٠٢٦-12-01T09:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "now",
        "",
    ],
)
def test_what_names_no_moment_is_none(text: str) -> None:
    assert moment(text) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_reads_as_the_same_moment(at: datetime) -> None:
    assert moment(written(at)) == at
    assert len(written(at)) == 27


def test_no_moment_is_written_as_none() -> None:
    assert written_or_none(None) is None


def test_time_zones_are_those_of_the_iana() -> None:
    assert {"UTC", "Europe/Paris", "Asia/Kathmandu", "America/New_York"} <= time_zones()
    assert not {"localtime", "Factory", "posixrules"} & time_zones()
