"""Many requests, one commit: a group is what came while the last append ran, so a lone fact never waits.

A group whose reply was lost is sent again under its number, and the log answers it as it did, or would have, the
first time. A group that the database refuses is halved until the one fact that it refuses stands alone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import psycopg
import structlog

from adapters.engagement_log.group import STATEMENT, Appended, new_contacts, parameters
from adapters.engagement_log.interning import ContactKey
from adapters.engagement_log.packing import Packer
from adapters.engagement_log.queue import FairQueue, Piece
from adapters.engagement_log.share import Share
from adapters.engagement_log.statement import Statement
from application.ports import Overloaded, Position, Unavailable
from application.ports_facts import RecordedFacts
from domain.shared.errors import Fault

_ERASED = "BH001"
_ABOUT_DATA = (psycopg.DataError, psycopg.errors.NotNullViolation, psycopg.errors.CheckViolation)
"""Refusals that are the fault of some fact of the group; any other is ours, and no fact is refused for it."""
_PATIENCE = 0.8
_LONGEST_PAUSE = 0.5


class Committer:
    """Owns one connection; ``append`` may be awaited by any number of tasks."""

    def __init__(
        self, dsn: str, queue: FairQueue, packer: Packer, *, saved: Callable[[ContactKey, bytes], None],
        clock: datetime | None = None, timeout: float = 5.0,
    ) -> None:  # fmt: skip
        self._dsn = dsn
        self._queue = queue
        self._packer = packer
        self._saved = saved
        self.clock = clock
        self._timeout = timeout
        self._appender = uuid4()
        self._batch = 0
        self._statement: Statement | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        self._position: Position | None = None
        self._closed = False
        self._fact_oid = 0
        self._log = structlog.get_logger("facts")

    @property
    def position(self) -> Position:
        """The heads of the logs, as far as this process has seen. Unavailable before the first connection."""
        if self._position is None:
            raise Unavailable("the database does not answer")
        return self._position

    @property
    def connected(self) -> bool:
        """Whether a connection stands, as far as is known."""
        return self._statement is not None and not self._statement.closed

    def begin(self) -> None:
        """Begin connecting."""
        self._connect()

    async def ready(self) -> None:
        """Wait for a connection, but not long. Unavailable."""
        if self.connected:
            return
        connecting = self._connect()
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.shield(connecting)
        except TimeoutError as error:
            raise Unavailable("the database does not answer") from error

    def append(self, share: Share) -> asyncio.Future[RecordedFacts]:
        """Append; the answer comes after the commit. Overloaded, Unavailable."""
        try:
            self._queue.put(share)
        except Overloaded as error:
            share.answer.set_exception(error)
            return share.answer
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._drain())
        return share.answer

    async def close(self) -> None:
        """Finish what waits and let the connection go."""
        if self._draining is not None:
            await self._draining
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._statement is not None:
            self._statement.close()

    async def _drain(self) -> None:
        try:
            while self._queue:
                if pieces := self._queue.group():
                    await self._commit(pieces)
        finally:
            self._draining = None

    async def _commit(self, pieces: list[Piece]) -> None:
        try:
            self._answer(pieces, await self._send(pieces))
        except _ABOUT_DATA as error:
            await self._halve(pieces, error)
        except Exception as error:
            if not isinstance(error, Unavailable):
                self._log.exception("facts_not_appended", facts=_count(pieces))
                error = Unavailable("the log of facts does not answer")
            for piece in pieces:
                piece.share.fail(error)

    async def _halve(self, pieces: list[Piece], error: psycopg.Error) -> None:
        count = _count(pieces)
        if count > 1:
            for half in _halves(pieces, count // 2):
                await self._commit(half)
            return
        share, start, _ = pieces[0]
        self._log.warning("fact_refused_by_database", workspace=share.workspace, error=str(error).strip())
        share.refused = share.refused or {}
        share.refused[start] = Fault("", "not_storable", "The database cannot store this fact.")
        share.settle(1, RecordedFacts((), {}, self.position))

    async def _send(self, pieces: list[Piece]) -> Appended:
        self._batch += 1
        loop = asyncio.get_running_loop()
        give_up: float | None = None
        while True:
            try:
                await self.ready()
                assert self._statement is not None
                wanted = parameters(pieces, self._fact_oid, self._appender, self._batch, self.clock)
                return Appended.read(await self._statement.run(wanted))
            except psycopg.OperationalError as error:
                self._log.warning("append_interrupted", batch=self._batch, error=str(error).strip())
                if give_up is None:
                    give_up = loop.time() + _PATIENCE
                if loop.time() >= give_up:
                    raise Unavailable("the database does not answer") from error
                await asyncio.sleep(0.02)
            except psycopg.Error as error:
                if error.sqlstate != _ERASED:
                    raise
                await self._packer.repack([piece.share for piece in pieces])

    def _answer(self, pieces: list[Piece], appended: Appended) -> None:
        position = self._position = Position(self.position.epoch, appended.events, appended.engagement)
        for key, made in new_contacts(pieces):
            self._saved(key, appended.moved.get(made, made))
        if appended.duplicates:
            self._mark(pieces, set(appended.duplicates))
        recorded = RecordedFacts((), {}, position)
        for share, start, stop in pieces:
            share.settle(stop - start, recorded)

    def _mark(self, pieces: list[Piece], duplicates: set[int]) -> None:
        before = 1
        for share, start, stop in pieces:
            found = {index for index in range(start, stop) if before + index - start in duplicates}
            if found:
                share.duplicates = found | (share.duplicates or set())
            before += stop - start

    def _connect(self) -> asyncio.Task[None]:
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.get_running_loop().create_task(self._keep_connecting())
        return self._connecting

    async def _keep_connecting(self) -> None:
        """Until it works: who needs the connection waits no longer than it has patience for."""
        pause = 0.05
        while not self._closed:
            try:
                statement, store = await Statement.open(self._dsn, "append_facts", STATEMENT, seconds=self._timeout)
            except psycopg.Error as error:
                if pause != _LONGEST_PAUSE:  # the first few say enough
                    self._log.warning("facts_cannot_connect", error=str(error).strip())
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            if self._statement is not None:
                self._statement.close()
            self._statement = statement
            self._fact_oid = store["fact_oid"]
            self._packer.connected(store["secret"], store["partitions"])
            self._position = Position(store["epoch"], store["events"], store["engagement"])
            return


def _count(pieces: list[Piece]) -> int:
    return sum(piece.stop - piece.start for piece in pieces)


def _halves(pieces: list[Piece], count: int) -> tuple[list[Piece], list[Piece]]:
    first: list[Piece] = []
    second: list[Piece] = []
    for share, start, stop in pieces:
        cut = min(stop, start + count)
        if cut > start:
            first.append(Piece(share, start, cut))
            count -= cut - start
        if stop > cut:
            second.append(Piece(share, cut, stop))
    return first, second
