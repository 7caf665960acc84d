"""Questions of many requests, asked of the database at once: with many waiting, most of what one costs is the round
trip, for us and for the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Ask = Callable[[list[K]], Awaitable[Mapping[K, V]]]


class Grouped(Generic[K, V]):
    """Asks at once when nothing is under way, so a lone question never waits; all that come meanwhile go together.

    What is asked is never older than its question: a key that was sent already is sent again for who comes later.
    ``lanes``: how many groups may be under way, so that one slow answer does not hold up all others.
    """

    def __init__(self, ask: Ask[K, V], *, most_at_once: int = 5_000, lanes: int = 1) -> None:
        self._ask = ask
        self._most_at_once = most_at_once
        self._lanes = lanes
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._asking = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, key: K) -> V | None:
        """What is found, or None. Raises what the asking raises."""
        return await asyncio.shield(self.future(key))

    def future(self, key: K) -> asyncio.Future[V | None]:
        """The answer to come. It is shared: whoever waits for it must shield it."""
        loop = asyncio.get_running_loop()
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = loop.create_future()
        if self._asking < self._lanes:
            self._asking += 1
            task = loop.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[: self._most_at_once]
                asked = {key: self._waiting.pop(key) for key in keys}
                await self._settle(asked)
        finally:
            self._asking -= 1  # at once, with nothing between it and the look at who waits

    async def _settle(self, asked: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._ask(list(asked))
        except Exception as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # a request that left meanwhile must not make this an unread error
            return
        for key, future in asked.items():
            future.set_result(found.get(key))
