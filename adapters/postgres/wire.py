"""A connection driven without the driver's cursor: one prepared statement asked, one result answered.

A cursor of psycopg costs some 150 µs for each statement; libpq's own calls and the event loop's reader cost a tenth
of it. Nothing else may use the connection, and it is never in a pipeline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.abc import Buffer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

_GOOD = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})


class Wire:
    """Asks one thing at a time; once ``closed``, which every lost connection is, it is of no more use.

    ``timeout``: seconds after which a silent database counts as lost.
    """

    def __init__(self, connection: AsyncConnection[Any], timeout: float) -> None:
        self.connection = connection
        self._libpq = connection.pgconn
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[PGresult] | None = None
        self._result: PGresult | None = None
        self._libpq.nonblocking = 1
        self._socket = self._libpq.socket
        self._loop.add_reader(self._socket, self._readable)

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""
        return self._socket < 0

    async def prepare(self, name: bytes, statement: bytes, types: Sequence[int] = ()) -> None:
        """Prepare a statement with ``$1``, ``$2`` …; a type of 0 is for the server to find. psycopg.Error."""
        await self._ask(lambda: self._libpq.send_prepare(name, statement, types))

    async def run(self, name: bytes, parameters: Sequence[Buffer | None], formats: Sequence[int]) -> PGresult:
        """The result of a prepared statement, in binary. psycopg.Error."""
        return await self._ask(
            lambda: self._libpq.send_query_prepared(name, parameters, formats, Format.BINARY)
        )

    async def execute(self, statement: bytes) -> None:
        """Something that answers nothing. psycopg.Error."""
        await self._ask(lambda: self._libpq.send_query_params(statement, None))

    def close(self) -> None:
        """Let the connection go, whatever it is doing."""
        if self.closed:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket = -1
        self._libpq.finish()
        self._fail(psycopg.OperationalError("the connection was closed"))

    async def _ask(self, send: Callable[[], None]) -> PGresult:
        if self.closed:
            raise psycopg.OperationalError("the connection is closed")
        answer = self._answer = self._loop.create_future()
        self._result = None
        deadline = self._loop.call_later(self._timeout, self._expired)
        try:
            send()
            if self._libpq.flush():
                self._loop.add_writer(self._socket, self._writable)
            result: PGresult = await answer
        except BaseException:
            self.close()  # given up in the middle: nobody could tell the next answer from this one
            raise
        finally:
            deadline.cancel()
            self._answer = None
        if result.status not in _GOOD:
            raise error_from_result(result)
        return result

    def _expired(self) -> None:
        self._lost(psycopg.OperationalError(f"the database did not answer within {self._timeout:g} s"))

    def _writable(self) -> None:
        try:
            if not self._libpq.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.OperationalError as error:
            self._lost(error)

    def _readable(self) -> None:
        try:
            self._libpq.consume_input()
            while not self._libpq.is_busy():
                found = self._libpq.get_result()
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
