"""A bounded memory of what was asked before, cheap enough for every fact."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Remembers at least the last ``size`` keys used and at most twice as many.

    Two generations: what is asked for moves to the young one; when that is full it becomes the old one and the
    old one is forgotten. A hit costs one dictionary look-up, where a list of recent use would cost several.
    """

    __slots__ = ("_old", "_size", "_young")

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The value, or None where it is not known or was forgotten."""
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Remember."""
        self._young[key] = value
        if len(self._young) > self._size:
            self._old = self._young
            self._young = {}

    def clear(self) -> None:
        """Forget everything."""
        self._young = {}
        self._old = {}
