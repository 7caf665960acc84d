"""One prepared statement on a connection of its own, driven without the driver's cursor.

A cursor costs some 150 µs for each call, which every fact of a group pays for; libpq's own calls and the event
loop's reader cost a tenth of it. Nothing else may use the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from adapters.postgres.pool import connection_options


class Statement:
    """Runs one statement at a time; after an OperationalError that left it ``closed`` it is of no more use."""

    def __init__(self, connection: AsyncConnection[Any], name: bytes, timeout: float) -> None:
        self._connection = connection
        self._wire = connection.pgconn
        self._name = name
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[PGresult] | None = None
        self._result: PGresult | None = None
        self._formats: list[int] = []
        self._wire.nonblocking = 1
        self._socket = self._wire.socket
        self._loop.add_reader(self._socket, self._readable)

    @classmethod
    async def open(cls, dsn: str, name: str, definition: str, *, seconds: float) -> tuple[Statement, dict[str, Any]]:
        """Connect, prepare ``definition``, and read what an append must know of the store: the epoch, the number
        of partitions, the oid of ``fact_in``, the secret of keys, the heads of the logs."""
        options = connection_options("ballyhoo_engine") | {"application_name": "ballyhoo-facts"}
        connection = await AsyncConnection.connect(dsn, **options)
        try:
            await connection.execute(f"prepare {name} {definition}".encode())
            cursor = await connection.execute(_STORE, binary=True)
            described = cursor.description or ()
            row = await cursor.fetchone()
            store = {column.name: value for column, value in zip(described, row or (), strict=True)}
            return cls(connection, name.encode(), seconds), store
        except BaseException:
            await connection.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""
        return self._socket < 0

    async def run(self, parameters: Sequence[bytes | None]) -> PGresult:
        """The one row that the statement answers, in binary. Raises the driver's errors."""
        if self.closed:
            raise psycopg.OperationalError("the connection is closed")
        if len(self._formats) != len(parameters):
            self._formats = [Format.BINARY] * len(parameters)
        answer = self._answer = self._loop.create_future()
        self._result = None
        deadline = self._loop.call_later(self._timeout, self._expired)
        try:
            self._wire.send_query_prepared(self._name, parameters, self._formats, Format.BINARY)
            if self._wire.flush():
                self._loop.add_writer(self._socket, self._writable)
            result: PGresult = await answer
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            deadline.cancel()
            self._answer = None
        if result.status != ExecStatus.TUPLES_OK:
            raise error_from_result(result)
        return result

    def close(self) -> None:
        """Let the connection go, whatever it is doing."""
        if self.closed:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket = -1
        self._wire.finish()
        self._fail(psycopg.OperationalError("the connection was closed"))

    def _expired(self) -> None:
        self._lost(psycopg.OperationalError(f"the database did not answer within {self._timeout:g} s"))

    def _writable(self) -> None:
        try:
            if not self._wire.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.OperationalError as error:
            self._lost(error)

    def _readable(self) -> None:
        try:
            self._wire.consume_input()
            while not self._wire.is_busy():
                found = self._wire.get_result()
                if found is None:
                    if self._answer is not None and self._result is not None and not self._answer.done():
                        self._answer.set_result(self._result)
                    return
                self._result = found
        except psycopg.OperationalError as error:
            self._lost(error)

    def _lost(self, error: psycopg.OperationalError) -> None:
        self._fail(error)
        self.close()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


_STORE = """
select ballyhoo.current_epoch() as epoch,
    (select value::int from ballyhoo.settings where name = 'partitions') as partitions,
    'ballyhoo.fact_in'::regtype::oid as fact_oid,
    (select value from ballyhoo.secrets where name = 'fact_keys') as secret,
    (select position from ballyhoo.log_heads where log = 'events') as events,
    (select position from ballyhoo.log_heads where log = 'engagement') as engagement
"""
