"""A frozen value with some fields changed, for folds that do it millions of times."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


def altered(value: T, **changes: Any) -> T:
    """As ``dataclasses.replace``, without making the value anew through its constructor: five times as fast.

    For dataclasses that check nothing when they are made and have no slots; the names are those of its fields.
    """
    made: T = object.__new__(type(value))
    object.__setattr__(made, "__dict__", value.__dict__ | changes)
    return made
