"""A running process says every two seconds that it lives: one row in ``ballyhoo.processes``.

/health/ready reads these rows, and so does a supervisor that takes away the row of a child it saw die.
"""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Self
from uuid import UUID

import psycopg

PROCESS_ID = "BALLYHOO_PROCESS_ID"
"""The environment variable by which a supervisor gives a child its id, to say of it later that it is gone."""

EVERY = 2.0
STALE_AFTER = 10.0
"""Seconds after which a process that was not heard of counts as gone."""

_BEAT = """
insert into ballyhoo.processes (id, kind, pid) values (%s, %s, %s)
on conflict (id) do update set seen_at = clock_timestamp()
"""
_FORGET_LONG_GONE = "delete from ballyhoo.processes where seen_at < clock_timestamp() - interval '1 hour'"


class Heartbeat:
    """Beats in a thread of its own while the block runs; a database that is away is tried again at the next
    beat.
    """

    def __init__(self, dsn: str, *, id: UUID, kind: str) -> None:
        self._dsn = dsn
        self._id = id
        self._kind = kind
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._beat_while_connected()
            except psycopg.OperationalError:
                self._stop.wait(EVERY)

    def _beat_while_connected(self) -> None:
        with _connect(self._dsn) as connection:
            connection.execute(_FORGET_LONG_GONE)
            while True:
                connection.execute(_BEAT, (self._id, self._kind, os.getpid()))
                if self._stop.wait(EVERY):
                    break
            forget(connection, self._id)


def forget(connection: psycopg.Connection, id: UUID) -> None:
    """Take a process's row away: it is gone."""
    connection.execute("delete from ballyhoo.processes where id = %s", (id,))


def forget_dead(dsn: str, id: UUID) -> None:
    """The same for one that could not say so itself. While the database is away, its row grows stale."""
    try:
        with _connect(dsn) as connection:
            forget(connection, id)
    except psycopg.OperationalError:
        return


def _connect(dsn: str) -> psycopg.Connection:
    return psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=5,
        application_name="heartbeat",
        options="-c role=ballyhoo_engine -c statement_timeout=5000",
    )
