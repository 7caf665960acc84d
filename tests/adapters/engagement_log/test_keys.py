"""The keys under which ids are known for ever."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.engagement_log.keys import LENGTH, Keys

KEYS = Keys(b"secret", 1)


@given(st.lists(st.uuids(), min_size=2, max_size=2, unique=True))
def test_ordered_uuids_lie_side_by_side(ids: list[UUID]) -> None:
    """The bits in which two keys differ are those in which the ids do, so what shares a beginning stays near."""
    one, other = (int.from_bytes(KEYS.of_id(str(id)), "big") for id in ids)

    assert one ^ other == ids[0].int ^ ids[1].int


@given(st.lists(st.text(min_size=1, max_size=128), min_size=2, max_size=20, unique=True))
def test_different_ids_have_different_keys(ids: list[str]) -> None:
    assert len({KEYS.of_id(id) for id in ids} | {KEYS.of_order(id) for id in ids}) == 2 * len(ids)


@pytest.mark.parametrize(
    "spelling",
    [
        "0193187A-9b11-7a2e-8d40-6c0e0b7f2a01",
        "0193187a9b117a2e8d406c0e0b7f2a01",
        "0193187a-9b11-7a2e-8d40-6c0e0b7f2a0_",
        "0193187a-9b11-7a2e-8d406-c0e0b7f2a01",
        "-193187a-9b11-7a2e-8d40-6c0e0b7f2a01",
        "{193187a-9b11-7a2e-8d40-6c0e0b7f2a0}",
        "0193187a-9b11-7a2e-8d40-6c0e0b7f2٠01",
    ],
)
def test_only_one_spelling_is_taken_for_a_uuid(spelling: str) -> None:
    assert KEYS.of_id(spelling) != KEYS.of_id("0193187a-9b11-7a2e-8d40-6c0e0b7f2a01")


def test_a_key_has_sixteen_bytes_and_says_so() -> None:
    for key in (KEYS.of_id("a"), KEYS.of_order("a"), KEYS.of_id(str(UUID(int=0)))):
        assert key[:4] == LENGTH
        assert len(key) == 20


def test_workspaces_and_stores_have_keys_of_their_own() -> None:
    id = str(UUID(int=7))

    assert len({Keys(secret, workspace).of_id(id) for secret in (b"a", b"b") for workspace in (1, 2)}) == 4
