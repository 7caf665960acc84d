"""Concurrent commands of one process become one append.

A group is what came while the last append ran, so a lone command never waits for company. Two commands on one
stream, or with one key, never share a group: the second goes with the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import psycopg

from adapters.event_store.append import Command, Outcome
from adapters.event_store.sending import Sending
from application.ports import Overloaded

Waiting = tuple[Command, asyncio.Future[Outcome]]


class Appender:
    """Owns one connection; ``append`` may be awaited by any number of tasks.

    ``clock`` stands in for the database's; the log never runs backwards, whatever it says. ``under`` hears the
    store's epoch before anything is appended in it.
    """

    def __init__(
        self, dsn: str, *, clock: Callable[[], datetime] | None = None, under: Callable[[UUID], None] = lambda _: None,
        most_events: int = 500, most_bytes: int = 512 * 1024, most_waiting: int = 5_000,
    ) -> None:  # fmt: skip
        self._sending = Sending(dsn, clock, under)
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._most_waiting = most_waiting
        self._waiting: deque[Waiting] = deque()
        self._running: asyncio.Task[None] | None = None

    async def append(self, command: Command) -> Outcome:
        """Append, and answer after the commit. Overloaded, Unavailable."""
        if len(self._waiting) >= self._most_waiting:
            raise Overloaded
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((command, future))
        if self._running is None:
            self._running = loop.create_task(self._drain())
        return await future

    async def close(self) -> None:
        """Finish what waits and let the connection go."""
        if self._running is not None:
            await self._running
        self._sending.close()

    async def _drain(self) -> None:
        try:
            while group := self._next_group():
                await self._append_group(group)
        finally:
            self._running = None

    def _next_group(self) -> list[Waiting]:
        group: list[Waiting] = []
        later: list[Waiting] = []
        taken: set[object] = set()
        events = size = 0
        while self._waiting:
            command, future = self._waiting[0]
            command_size = command.size
            if group and (
                events + len(command.events) > self._most_events or size + command_size > self._most_bytes
            ):
                break
            self._waiting.popleft()
            if future.cancelled():
                continue
            if command.stream in taken or (command.key is not None and command.key in taken):
                later.append((command, future))
                continue
            taken.add(command.stream)
            if command.key is not None:
                taken.add(command.key)
            events += len(command.events)
            size += command_size
            group.append((command, future))
        self._waiting.extendleft(reversed(later))
        return group

    async def _append_group(self, group: list[Waiting]) -> None:
        try:
            outcomes = await self._sending.send([command for command, _ in group])
        except Exception as error:
            if len(group) > 1 and isinstance(error, psycopg.Error):
                # One bad command must not take the others with it.
                half = len(group) // 2
                await self._append_group(group[:half])
                await self._append_group(group[half:])
                return
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)
