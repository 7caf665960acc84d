"""Which gaps the harness has made itself."""

from __future__ import annotations

from tests.faults.checks.links import Gap, explained

TAKEN_OUT = {Gap("engagement", 6, 100, 200), Gap("engagement", 6, 200, 350), Gap("engagement", 7, 100, 900)}


def test_a_record_that_was_taken_out_and_two_that_followed_each_other_explain_their_gaps() -> None:
    assert explained(Gap("engagement", 6, 100, 200), TAKEN_OUT)
    assert explained(Gap("engagement", 6, 100, 350), TAKEN_OUT)


def test_a_gap_beyond_what_was_taken_out_is_not_explained() -> None:
    assert not explained(Gap("engagement", 6, 100, 360), TAKEN_OUT)
    assert not explained(Gap("engagement", 6, 90, 200), TAKEN_OUT)
    assert not explained(Gap("events", 6, 100, 200), TAKEN_OUT)
