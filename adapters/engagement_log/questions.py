"""Questions of many requests, asked of the database at once, and remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

from adapters.engagement_log.cache import Cache
from adapters.postgres.grouped import Ask, Grouped

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Questions(Generic[K, V]):
    """Answers from memory what was found before, and asks for the rest in groups. What was not found is never
    remembered: it may be made a moment later."""

    def __init__(self, ask: Ask[K, V], size: int) -> None:
        self._grouped = Grouped(ask)
        self.known: Cache[K, V] = Cache(size)

    async def answer(self, keys: Collection[K]) -> dict[K, V]:
        """What is found of ``keys``. Raises what the asking raises."""
        found: dict[K, V] = {}
        open_questions: dict[K, asyncio.Future[V | None]] = {}
        for key in keys:
            if (value := self.known.get(key)) is not None:
                found[key] = value
            elif key not in open_questions:
                open_questions[key] = self._grouped.future(key)
        for key, future in open_questions.items():
            value = await asyncio.shield(future)
            if value is not None:
                self.known.put(key, value)
                found[key] = value
        return found
