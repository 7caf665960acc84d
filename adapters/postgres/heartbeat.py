"""A running process says every two seconds that it lives: one row in ``ballyhoo.processes``.

/health/ready reads these rows; a supervisor takes away that of a child it saw die. (A projector says the same with
its leases.)
"""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Self
from uuid import uuid4

import psycopg

EVERY = 2.0
STALE_AFTER = 10.0
"""Seconds after which a process that was not heard of counts as gone."""

_BEAT = """
insert into ballyhoo.processes (id, kind, pid) values (%s, %s, %s)
on conflict (id) do update set seen_at = clock_timestamp()
"""
_FORGET = "delete from ballyhoo.processes where id = %s"
_FORGET_DEAD = """
with dead as (delete from ballyhoo.processes where pid = %s returning id)
delete from ballyhoo.leases where owner in (select id from dead)
"""
_FORGET_LONG_GONE = "delete from ballyhoo.processes where seen_at < clock_timestamp() - interval '1 hour'"


class Heartbeat:
    """Beats in a thread of its own while the block runs; a database that is away is tried again at the next
    beat.
    """

    def __init__(self, dsn: str, kind: str) -> None:
        self._dsn = dsn
        self._id = uuid4()
        self._kind = kind
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
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
            connection.execute(_FORGET, (self._id,))


def forget_dead(dsn: str, pid: int) -> None:
    """Take away what a dead process of this machine has left: its row, and its leases, which others may have at once.

    Called by whoever saw it die. While the database is away, its row grows stale and its leases run out.
    """
    try:
        with _connect(dsn) as connection:
            connection.execute(_FORGET_DEAD, (pid,))
    except psycopg.OperationalError:
        return


def forget_all(dsn: str) -> None:
    """The same for every process, said by a supervisor that has started the database itself: nobody else lives."""
    with _connect(dsn) as connection:
        connection.execute("delete from ballyhoo.leases; delete from ballyhoo.processes")


def _connect(dsn: str) -> psycopg.Connection:
    return psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=5,
        application_name="heartbeat",
        options="-c role=ballyhoo_engine -c statement_timeout=5000",
    )
