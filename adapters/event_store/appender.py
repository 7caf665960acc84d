"""Concurrent commands of one process become one append.

A group is what came while the last append ran, so a lone command never waits for company. Two commands on one
stream, or with one key, never share a group: the second goes with the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime
from typing import Any

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

_FIND = "select event_id, position, version, recorded_at from ballyhoo.events where event_id = any(%s)"


class Appender:
    """Owns one connection; ``append`` may be awaited by any number of tasks."""

    def __init__(
        self,
        dsn: str,
        *,
        clock: datetime | None = None,
        most_events: int = 500,
        most_bytes: int = 512 * 1024,
        most_waiting: int = 5_000,
    ) -> None:
        self._dsn = dsn
        self.clock = clock
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[Command, asyncio.Future[Outcome]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._oids: Oids = ()
        self._log = structlog.get_logger("appender")

    async def append(self, command: Command) -> Outcome:
        """Append, and answer after the commit. Overloaded, Unavailable."""
        if len(self._waiting) >= self._most_waiting:
            raise Overloaded
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._drain())
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
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._append_group(self._next_group())
        finally:
            self._running = None

    def _next_group(self) -> list[tuple[Command, asyncio.Future[Outcome]]]:
        group: list[tuple[Command, asyncio.Future[Outcome]]] = []
        later: list[tuple[Command, asyncio.Future[Outcome]]] = []
        taken: set[object] = set()
        events = size = 0
        while self._waiting:
            command, future = self._waiting[0]
            if group and (
                events + len(command.events) > self._most_events or size + command.size > self._most_bytes
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
            size += command.size
            group.append((command, future))
        self._waiting.extendleft(reversed(later))
        return group

    async def _append_group(self, group: list[tuple[Command, asyncio.Future[Outcome]]]) -> None:
        try:
            outcomes = await self._send([command for command, _ in group])
        except Exception as error:
            if len(group) > 1 and isinstance(
                error, psycopg.DataError | psycopg.IntegrityError | psycopg.ProgrammingError
            ):
                for one in group:  # one bad command must not take the others with it
                    await self._append_group([one])
                return
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)

    async def _send(self, commands: list[Command]) -> list[Outcome]:
        doubtful = False
        for attempt in range(3):
            try:
                connection = await self._connect()
                if doubtful and (found := await self._stored_before(connection, commands)):
                    rest = [command for command in commands if command not in found]
                    rest_outcomes = iter(await self._call(connection, rest) if rest else [])
                    return [found.get(command) or next(rest_outcomes) for command in commands]
                return await self._call(connection, commands)
            except psycopg.OperationalError as error:
                # The reply of a commit may be what was lost: look for the events' ids before appending again.
                doubtful = True
                self._log.warning("append_connection_lost", attempt=attempt, error=str(error).strip())
                if self._connection is not None:
                    await self._connection.close()
                    self._connection = None
                if attempt < 2:
                    await asyncio.sleep(0.05 * (attempt + 1))
        raise Unavailable("the database does not answer")

    async def _connect(self) -> Connection:
        async with self._connecting:
            if self._connection is None or self._connection.closed:
                options = connection_options("ballyhoo_engine") | {"application_name": "ballyhoo-appender"}
                connection = await AsyncConnection.connect(self._dsn, **options)
                binary.register(connection)
                self._oids = await append_oids(connection)
                self._connection = connection
            return self._connection

    async def _call(self, connection: Connection, commands: list[Command]) -> list[Outcome]:
        cursor = await connection.execute(
            APPEND, append_parameters(self._oids, commands, self.clock), binary=True
        )
        return outcomes_of(await cursor.fetchone())

    async def _stored_before(self, connection: Connection, commands: list[Command]) -> dict[Command, Outcome]:
        ids = [event_id for command in commands for event_id, _ in command.events]
        rows = {
            row[0]: row for row in await (await connection.execute(_FIND, (ids,), binary=True)).fetchall()
        }
        found: dict[Command, Outcome] = {}
        for command in commands:
            if row := rows.get(command.events[-1][0]):
                found[command] = Outcome(STORED, row[2], row[1], row[3], 0)
        return found


async def append_oids(connection: Connection) -> Oids:
    """The array types that an append sends."""
    return tuple([await binary.composite_oids_async(connection, name) for name in TYPES])
