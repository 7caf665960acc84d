"""The one prepared statement of the append, on a connection of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.pq import Format
from psycopg.pq.abc import PGresult

from adapters.postgres.pool import connection_options
from adapters.postgres.wire import Wire


class Statement:
    """Runs one at a time; after an OperationalError that left it ``closed`` it is of no more use."""

    def __init__(self, wire: Wire, name: bytes) -> None:
        self._wire = wire
        self._name = name
        self._formats: list[int] = []

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
            return cls(Wire(connection, seconds), name.encode()), store
        except BaseException:
            await connection.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""
        return self._wire.closed

    async def run(self, parameters: Sequence[bytes | None]) -> PGresult:
        """The one row that the statement answers, in binary. Raises the driver's errors."""
        if len(self._formats) != len(parameters):
            self._formats = [Format.BINARY] * len(parameters)
        return await self._wire.run(self._name, parameters, self._formats)

    def close(self) -> None:
        """Let the connection go, whatever it is doing."""
        self._wire.close()


_STORE = """
select ballyhoo.current_epoch() as epoch,
    (select value::int from ballyhoo.settings where name = 'partitions') as partitions,
    'ballyhoo.fact_in'::regtype::oid as fact_oid,
    (select value from ballyhoo.secrets where name = 'fact_keys') as secret,
    (select position from ballyhoo.log_heads where log = 'events') as events,
    (select position from ballyhoo.log_heads where log = 'engagement') as engagement
"""
