"""Frozen values made of their fields."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass

import pytest

from domain.shared.made import made


@dataclass(frozen=True)
class Point:
    """A value."""

    x: int
    y: int = 0


def test_a_value_made_of_its_fields_is_as_if_its_constructor_had_made_it() -> None:
    point = made(Point, {"x": 1, "y": 3})

    assert (point, hash(point), repr(point)) == (Point(1, 3), hash(Point(1, 3)), repr(Point(1, 3)))


@pytest.mark.parametrize("name", ["x", "y"])
def test_what_comes_out_is_frozen_too(name: str) -> None:
    point = made(Point, {"x": 1, "y": 0})

    with pytest.raises(FrozenInstanceError):
        setattr(point, name, 3)
