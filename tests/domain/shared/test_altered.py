"""Frozen values with some fields changed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from domain.shared.altered import altered


@dataclass(frozen=True)
class Point:
    """A value."""

    x: int
    y: int = 0


def test_a_value_with_one_field_changed_is_as_if_it_had_been_made_so() -> None:
    before = Point(1, 2)

    after = altered(before, y=3)

    assert (after, before) == (replace(before, y=3), Point(1, 2))
    assert list(vars(after)) == list(vars(before))


def test_what_comes_out_is_frozen_too() -> None:
    with pytest.raises(FrozenInstanceError):
        altered(Point(1), x=2).x = 3  # type: ignore[misc]
