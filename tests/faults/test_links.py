"""Which gaps between records are gaps."""

from __future__ import annotations

from tests.faults.checks.links import Held, missing

CHAIN = [Held(50, 100), Held(100, 200), Held(200, 350), Held(350, 360)]


def test_records_that_link_have_no_gap_wherever_they_begin_and_whatever_is_repeated() -> None:
    assert missing([], []) == []
    assert missing(CHAIN, []) == []
    assert missing([*CHAIN, Held(100, 350), Held(350, 400)], []) == []


def test_a_record_that_is_not_there_leaves_one() -> None:
    assert missing([CHAIN[0], CHAIN[2], CHAIN[3]], []) == [Held(100, 200)]


def test_what_was_taken_out_is_known_also_where_two_followed_each_other() -> None:
    assert missing([CHAIN[0], CHAIN[3]], [Held(100, 200), Held(200, 350)]) == []
    assert missing([CHAIN[0], CHAIN[3]], [Held(100, 200)]) == [Held(100, 350)]


def test_a_window_that_was_begun_again_fills_its_gap() -> None:
    assert missing([CHAIN[0], CHAIN[2], Held(100, 150), Held(150, 350), CHAIN[3]], []) == []
    assert missing([CHAIN[0], CHAIN[2], Held(150, 350), CHAIN[3]], []) == [Held(100, 200)]
