"""Concurrent commands of one process become one append.

A group is what came while the last append ran, so a lone command never waits for company. Two commands on one
stream, or with one key, never share a group: the second goes with the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection

from adapters.event_store.append import (
    APPEND,
    STORED,
    TYPES,
    Command,
    Oids,
    Outcome,
    append_parameters,
    outcomes_of,
)
from adapters.postgres import binary
from adapters.postgres.pool import connection_options
from application.ports import Overloaded, Unavailable

Connection = AsyncConnection[tuple[Any, ...]]
Waiting = tuple[Command, asyncio.Future[Outcome]]

_PLANS = " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
_ATTEMPTS = 3

# What is not the commands' fault: connections, rollbacks by the server, its resources, its operators.
_PASSING = frozenset({"08", "40", "53", "55", "57"})

_FIND = """
select event_id, position, recorded_at, (select position from ballyhoo.log_heads where log = 'engagement')
  from ballyhoo.events where event_id = any(%s)
"""


class Appender:
    """Owns one connection; ``append`` may be awaited by any number of tasks.

    ``clock`` stands in for the database's, which never runs backwards against the log whatever it says.
    """

    def __init__(
        self,
        dsn: str,
        *,
        clock: Callable[[], datetime] | None = None,
        most_events: int = 500,
        most_bytes: int = 512 * 1024,
        most_waiting: int = 5_000,
    ) -> None:
        self._dsn = dsn
        self._clock = clock
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._most_waiting = most_waiting
        self._waiting: deque[Waiting] = deque()
        self._running: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._oids: Oids = ()
        self._log = structlog.get_logger("appender")

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

    async def execute(self, statement: str, values: Any) -> None:
        """One statement of the write side that appends nothing. Unavailable."""
        try:
            connection = await self._connect()
            await connection.execute(statement.encode(), values)
        except psycopg.OperationalError as error:
            raise Unavailable("the database does not answer") from error

    async def close(self) -> None:
        """Finish what waits and let the connection go."""
        if self._running is not None:
            await self._running
        await self._disconnect()

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
            outcomes = await self._send([command for command, _ in group])
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

    async def _send(self, commands: list[Command]) -> list[Outcome]:
        """Append a group. Unavailable where the database does not answer; psycopg's error where it refuses."""
        for attempt in range(_ATTEMPTS):
            try:
                connection = await self._connect()
                outcomes = await self._call(connection, commands)
                return await self._stored_before(connection, commands, outcomes) if attempt else outcomes
            except psycopg.OperationalError as error:
                if error.sqlstate is not None and error.sqlstate[:2] not in _PASSING:
                    raise
                self._log.warning("append_connection_lost", attempt=attempt, error=str(error).strip())
                await self._disconnect()
                if attempt < _ATTEMPTS - 1:
                    await asyncio.sleep(0.05 * (attempt + 1))
        raise Unavailable("the database does not answer")

    async def _connect(self) -> Connection:
        async with self._connecting:
            if self._connection is None or self._connection.closed:
                options = connection_options("ballyhoo_engine") | {"application_name": "ballyhoo-appender"}
                options["options"] += _PLANS
                connection = await AsyncConnection.connect(self._dsn, **options)
                binary.register(connection)
                self._oids = await append_oids(connection)
                self._connection = connection
            return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _call(self, connection: Connection, commands: list[Command]) -> list[Outcome]:
        now = None if self._clock is None else self._clock()
        cursor = await connection.execute(APPEND, append_parameters(self._oids, commands, now), binary=True)
        return outcomes_of(await cursor.fetchone(), commands)

    async def _stored_before(
        self, connection: Connection, commands: list[Command], outcomes: list[Outcome]
    ) -> list[Outcome]:
        """The outcomes of a repeated append: what it refused may stand in the log from an attempt before, whose
        reply was lost. Looked for after the append, for only behind its lock nothing of that attempt is open."""
        refused = [command for command, one in zip(commands, outcomes, strict=True) if one.outcome != STORED]
        ids = [UUID(bytes=command.events[-1][0]) for command in refused]
        if not ids:
            return outcomes
        rows = await (await connection.execute(_FIND, (ids,), binary=True)).fetchall()
        stored = {row[0].bytes: Outcome(STORED, None, *row[1:]) for row in rows}
        return [
            stored.get(command.events[-1][0], one) for command, one in zip(commands, outcomes, strict=True)
        ]


async def append_oids(connection: Connection) -> Oids:
    """The array types that an append sends."""
    return tuple([await binary.composite_oids_async(connection, name) for name in TYPES])
