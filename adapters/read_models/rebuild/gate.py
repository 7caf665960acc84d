"""The projection's lock, taken exclusively: no batch into the live tables begins or is open meanwhile.

A lock that is waited for holds up all later batches, so the wait is short, and tried again. A process that is stopped
while it has the lock loses it with its session.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection

from adapters.read_models.rebuild.places import LOCK, Place
from adapters.read_models.rebuild.stopping import RebuildStopped

TIMEOUT = "2s"
PATIENCE = 60.0
IDLE = "10s"
_TIMEOUTS = ("idle_session_timeout", "idle_in_transaction_session_timeout")
_BETWEEN = 0.2


@contextmanager
def shut(connection: Connection[Any], place: Place, look: Callable[[], None]) -> Iterator[None]:
    """Hold the lock for the session while the block runs; ``look`` is called before each try."""
    deadline = time.monotonic() + PATIENCE
    while True:
        look()
        connection.execute(f"set lock_timeout = '{TIMEOUT}'".encode())
        try:
            connection.execute(f"select pg_advisory_lock({LOCK})".encode(), (place.lock,))
            break
        except psycopg.errors.LockNotAvailable as error:
            if time.monotonic() > deadline:
                raise RebuildStopped(
                    f"A batch into {place.live} stayed open for {PATIENCE:.0f} s; nothing was swapped."
                    " Start the rebuild again."
                ) from error
        finally:
            if not connection.broken:
                connection.execute(b"set lock_timeout = 0")
        time.sleep(_BETWEEN)
    for timeout in _TIMEOUTS:
        connection.execute(f"set {timeout} = '{IDLE}'".encode())
    try:
        yield
    finally:
        if not connection.broken:  # else the lock went with the session
            connection.execute(f"select pg_advisory_unlock({LOCK})".encode(), (place.lock,))
            for timeout in _TIMEOUTS:
                connection.execute(f"reset {timeout}".encode())
