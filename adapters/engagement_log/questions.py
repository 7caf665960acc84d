"""Questions of many requests, asked of the database at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

from adapters.engagement_log.cache import Cache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Ask = Callable[[list[K]], Awaitable[Mapping[K, V]]]


class Questions(Generic[K, V]):
    """Answers from memory what was found before, and asks for the rest: all that came while the last question was
    under way goes into the next one. What was not found is never remembered: it may be made a moment later."""

    def __init__(self, ask: Ask[K, V], size: int, most_at_once: int = 5_000) -> None:
        self._ask = ask
        self._most_at_once = most_at_once
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._asking: asyncio.Task[None] | None = None
        self.known: Cache[K, V] = Cache(size)

    async def answer(self, keys: Collection[K]) -> dict[K, V]:
        """What is found of ``keys``. Raises what the asking raises."""
        found: dict[K, V] = {}
        open_questions: dict[K, asyncio.Future[V | None]] = {}
        for key in keys:
            if (value := self.known.get(key)) is not None:
                found[key] = value
            elif key not in open_questions:
                open_questions[key] = self._future(key)
        for key, future in open_questions.items():
            value = await asyncio.shield(future)
            if value is not None:
                found[key] = value
        return found

    def _future(self, key: K) -> asyncio.Future[V | None]:
        loop = asyncio.get_running_loop()
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = loop.create_future()
        if self._asking is None:
            self._asking = loop.create_task(self._run())
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[: self._most_at_once]
                asked = {key: self._waiting.pop(key) for key in keys}
                await self._settle(asked)
        finally:
            self._asking = None

    async def _settle(self, asked: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._ask(list(asked))
        except Exception as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # a request that left meanwhile must not make this an unread error
            return
        for key, future in asked.items():
            value = found.get(key)
            if value is not None:
                self.known.put(key, value)
            future.set_result(value)
