"""Tokens: the same for the same thing, and good for nobody else and for nothing else."""

from __future__ import annotations

import os
from uuid import UUID

import pytest

from adapters.seal import AesSeal
from application.ports import BadToken, Position

SEAL = AesSeal(bytes(range(32)))
POSITION = Position(UUID(int=7), 12, 1 << 40)


def test_a_position_comes_back_and_its_token_is_always_the_same() -> None:
    token = SEAL.seal(1, POSITION)

    assert SEAL.unseal(1, token) == POSITION
    assert SEAL.seal(1, POSITION) == token
    assert SEAL.seal(2, POSITION) != token


@pytest.mark.parametrize("workspace", [0, 2, 11])
def test_another_workspace_can_not_use_it(workspace: int) -> None:
    with pytest.raises(BadToken):
        SEAL.unseal(workspace, SEAL.seal(1, POSITION))


def test_it_is_good_for_its_purpose_only() -> None:
    with pytest.raises(BadToken):
        SEAL.unseal(1, SEAL.seal_text(1, "cursor", bytes(32)))


@pytest.mark.parametrize("token", ["", "a", "ä", "A" * 64, "=" * 8, "A" * 100_000])
def test_what_was_never_sealed_is_refused(token: str) -> None:
    with pytest.raises(BadToken):
        SEAL.unseal(1, token)


def test_a_token_with_any_bit_changed_is_refused() -> None:
    token = SEAL.seal(1, POSITION)
    for at in range(len(token)):
        with pytest.raises(BadToken):
            SEAL.unseal(1, token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :])


@pytest.mark.parametrize("around", ["{}.", "{}=", "{}~~~~", " {}", "{}\n", ".{}"])
def test_a_token_with_anything_around_it_is_refused(around: str) -> None:
    with pytest.raises(BadToken):
        SEAL.unseal(1, around.format(SEAL.seal(1, POSITION)))


def test_a_text_has_one_token() -> None:
    """Of the last letter of some tokens not all bits count."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = SEAL.seal_text(1, "cursor", b"one")
    for last in set(letters) - {token[-1]}:
        with pytest.raises(BadToken):
            SEAL.unseal_text(1, "cursor", token[:-1] + last)


def test_another_store_does_not_know_it() -> None:
    with pytest.raises(BadToken):
        AesSeal(os.urandom(32)).unseal(1, SEAL.seal(1, POSITION))
