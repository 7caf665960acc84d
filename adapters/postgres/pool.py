"""A pool of read connections: short waits, one role, and driver errors that stop here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from application.ports import Unavailable

Parameters = Sequence[Any] | Mapping[str, Any] | None


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
    """Statements on ``size`` connections that act as ``role``. Open it before use."""

    def __init__(
        self, dsn: str, *, role: str = "ballyhoo_reader", size: int = 8, name: str = "ballyhoo"
    ) -> None:
        options = connection_options(role) | {"application_name": name}
        self._pool = AsyncConnectionPool(
            dsn,
            kwargs=options,
            min_size=1,
            max_size=size,
            timeout=5.0,
            reconnect_timeout=60.0,
            open=False,
            name=name,
        )

    async def open(self) -> None:
        """Begin connecting; does not wait for the database."""
        await self._pool.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[tuple[Any, ...]]]:
        """A connection for several statements. Unavailable where the database does not answer."""
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise Unavailable("the database does not answer") from error

    async def rows(self, statement: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """All rows of one statement; read once more where a connection turns out to be dead. Unavailable."""
        for last in (False, True):
            try:
                async with self._pool.connection() as connection:
                    cursor = await connection.execute(statement.encode(), parameters, binary=True)
                    return await cursor.fetchall() if cursor.description else []
            except psycopg.errors.QueryCanceled as error:
                raise Unavailable("the question took too long") from error
            except (psycopg.OperationalError, PoolTimeout) as error:
                if last:
                    raise Unavailable("the database does not answer") from error
        raise AssertionError("unreachable")
