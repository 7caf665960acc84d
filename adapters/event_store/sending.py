"""The connection on which groups are appended: what is lost on it is sent again, and nothing is stored twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.pq import Format

from adapters.event_store.append import APPEND, OIDS, STORED, Command, Oids, Outcome, outcomes_of, parameters
from adapters.postgres.pool import connection_options
from adapters.postgres.wire import Wire
from application.ports import Unavailable

# To plan each statement of the append anew for each group would cost more than all the rest, and a plan must not
# follow the size that a young table had.
_PLANS = " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off"

ATTEMPTS = 3
TIMEOUT = 20.0
"""Seconds for one attempt; a little more than the server gives a statement."""

# What is not the commands' fault: connections, rollbacks by the server, its resources, its operators.
_PASSING = frozenset({"08", "40", "53", "55", "57"})

_NAME = b"append"
_FORMATS = [Format.BINARY] * 4

_FIND = """
select event_id, position, recorded_at, (select position from ballyhoo.log_heads where log = 'engagement')
  from ballyhoo.events where event_id = any(%s)
"""

# Begins a new epoch on a server that failed over or was restored: what is appended there has positions that other
# events had before.
_EPOCH = "select ballyhoo.current_epoch()"

log = structlog.get_logger("appender")


class Sending:
    """Connects when it is first needed, and again when it must; ``under`` hears each time which epoch that is in."""

    def __init__(
        self, dsn: str, clock: Callable[[], datetime] | None, under: Callable[[UUID], None] = lambda _: None
    ) -> None:
        self._dsn = dsn
        self._clock = clock
        self._under = under
        self._wire: Wire | None = None
        self._oids: Oids = (0, 0, 0)

    async def send(self, commands: Sequence[Command]) -> list[Outcome]:
        """Append a group. Unavailable where the database does not answer; psycopg's error where it refuses."""
        for attempt in range(ATTEMPTS):
            try:
                wire = self._wire or await self._connect()
                now = None if self._clock is None else self._clock()
                result = await wire.run(_NAME, parameters(self._oids, commands, now), _FORMATS)
                outcomes = outcomes_of(result, commands)
                return await self._stored_before(commands, outcomes) if attempt else outcomes
            except psycopg.OperationalError as error:
                if error.sqlstate is not None and error.sqlstate[:2] not in _PASSING:
                    raise
                log.warning("append_connection_lost", attempt=attempt, error=str(error).strip())
                self.close()
                if attempt < ATTEMPTS - 1:
                    await asyncio.sleep(0.05 * (attempt + 1))
        raise Unavailable("the database does not answer")

    def close(self) -> None:
        """Let the connection go."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def _connect(self) -> Wire:
        options = connection_options("ballyhoo_engine") | {"application_name": "ballyhoo-appender"}
        options["options"] += _PLANS
        connection = await AsyncConnection.connect(self._dsn, **options)
        try:
            epoch = await (await connection.execute(_EPOCH)).fetchone()
            row = await (await connection.execute(OIDS)).fetchone()
        except BaseException:
            await connection.close()
            raise
        assert epoch is not None
        assert row is not None
        self._under(epoch[0])
        self._oids = (row[0], row[1], row[2])
        wire = self._wire = Wire(connection, TIMEOUT)
        try:
            await wire.prepare(_NAME, APPEND.encode())
        except BaseException:
            self.close()
            raise
        return wire

    async def _stored_before(self, commands: Sequence[Command], outcomes: list[Outcome]) -> list[Outcome]:
        """The outcomes of a repeated append: what it refused may stand in the log from an attempt before, whose
        reply was lost. Looked for after the append, for only behind its lock nothing of that attempt is open."""
        refused = [command for command, one in zip(commands, outcomes, strict=True) if one.outcome != STORED]
        if not refused:
            return outcomes
        ids = [UUID(bytes=command.events[-1][0]) for command in refused]
        async with await AsyncConnection.connect(self._dsn, **connection_options("ballyhoo_engine")) as connection:
            rows = await (await connection.execute(_FIND, (ids,))).fetchall()
        stored = {row[0].bytes: Outcome(STORED, None, *row[1:]) for row in rows}
        return [stored.get(command.events[-1][0], one) for command, one in zip(commands, outcomes, strict=True)]
