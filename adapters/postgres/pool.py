"""A pool of connections for single statements: short waits, one role, and driver errors that stop here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from adapters.postgres.reading import Parameters, Reading
from adapters.postgres.wire import Wire
from application.ports import Unavailable

PATIENCE = 5.0
"""Seconds that a statement waits for a connection."""

_SILENCE = 20.0
_AGAIN_AFTER = 0.1


def connection_options(role: str, *, statement_timeout_ms: int = 15_000) -> dict[str, Any]:
    """How every long-lived connection of ours is opened: as a role, with keepalives, prepared at first use."""
    return {
        "autocommit": True,
        "prepare_threshold": 0,
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "options": f"-c role={role} -c statement_timeout={statement_timeout_ms} -c timezone=UTC"
        " -c jit=off -c work_mem=32MB",
    }


class Pool:
    """Statements on ``size`` connections that act as ``role``, made when they are needed. Open it before use."""

    def __init__(
        self, dsn: str, *, role: str = "ballyhoo_reader", size: int = 8, name: str = "ballyhoo"
    ) -> None:
        self._dsn = dsn
        self._options = connection_options(role) | {"application_name": name}
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Reading] = []
        self._closed = False
        self._whole = AsyncConnectionPool(
            dsn, kwargs=self._options, min_size=0, max_size=size, timeout=PATIENCE, reconnect_timeout=60.0, open=False,
            name=name,
        )  # fmt: skip

    async def open(self) -> None:
        """Begin; does not wait for the database."""
        await self._whole.open()

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        while self._idle:
            self._idle.pop().wire.close()
        await self._whole.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[tuple[Any, ...]]]:
        """A connection for several statements. Unavailable where the database does not answer."""
        try:
            async with self._whole.connection() as connection:
                yield connection
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise Unavailable("the database does not answer") from error

    async def rows(self, statement: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """All rows of one statement; read once more where a connection turns out to be dead. Unavailable."""
        for last in (False, True):
            async with self._reading() as reading:
                try:
                    return await reading.rows(statement, parameters)
                except psycopg.errors.QueryCanceled as error:
                    raise Unavailable("the question took too long") from error
                except psycopg.OperationalError as error:
                    if last:
                        raise Unavailable("the database does not answer") from error
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Reading]:
        if self._slots.locked():
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._slots.acquire()
            except TimeoutError as error:
                raise Unavailable("every connection is busy") from error
        else:
            await self._slots.acquire()
        reading: Reading | None = None
        try:
            while reading is None and self._idle:
                reading = self._idle.pop()
                reading = None if reading.wire.closed else reading
            reading = reading or await self._connect()
            yield reading
        finally:
            if reading is not None and self._closed:
                reading.wire.close()
            elif reading is not None and not reading.wire.closed:
                self._idle.append(reading)
            self._slots.release()

    async def _connect(self) -> Reading:
        """A new connection; one that is refused is tried again for as long as patience lasts."""
        until = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                connection = await AsyncConnection.connect(self._dsn, **self._options)
            except psycopg.OperationalError as error:
                if asyncio.get_running_loop().time() + _AGAIN_AFTER > until:
                    raise Unavailable("the database does not answer") from error
                await asyncio.sleep(_AGAIN_AFTER)
            else:
                return Reading(Wire(connection, _SILENCE))
