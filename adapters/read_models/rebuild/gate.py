"""The projection's lock, taken exclusively: no batch into the live tables begins or is open meanwhile.

A lock that is waited for holds up all later batches, so the wait is short, and tried again.
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
_BETWEEN = 0.2


@contextmanager
def shut(connection: Connection[Any], place: Place, look: Callable[[], None]) -> Iterator[None]:
    """Hold the lock for the session while the block runs."""
    _patiently(connection, place, f"select pg_advisory_lock({LOCK})", look)
    try:
        yield
    finally:
        connection.execute(f"select pg_advisory_unlock({LOCK})".encode(), (place.lock,))


@contextmanager
def shut_transaction(connection: Connection[Any], place: Place, look: Callable[[], None]) -> Iterator[None]:
    """Hold the lock for the transaction that the block is: the lock ends with it, in whatever way it does."""
    deadline = time.monotonic() + PATIENCE
    while True:
        look()
        try:
            with connection.transaction():
                _lock(connection, place, f"select pg_advisory_xact_lock({LOCK})", local=True)
                yield
                return
        except psycopg.errors.LockNotAvailable as error:
            _give_up(place, deadline, error)


def _patiently(connection: Connection[Any], place: Place, statement: str, look: Callable[[], None]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        look()
        try:
            _lock(connection, place, statement, local=False)
        except psycopg.errors.LockNotAvailable as error:
            _give_up(place, deadline, error)
        else:
            return


def _lock(connection: Connection[Any], place: Place, statement: str, *, local: bool) -> None:
    connection.execute(f"set {'local' if local else 'session'} lock_timeout = '{TIMEOUT}'".encode())
    connection.execute(statement.encode(), (place.lock,))
    connection.execute(b"set local lock_timeout = 0" if local else b"set session lock_timeout = 0")


def _give_up(place: Place, deadline: float, error: Exception) -> None:
    if time.monotonic() > deadline:
        raise RebuildStopped(
            f"A batch into {place.live} stayed open for {PATIENCE:.0f} s; nothing was swapped. Start the rebuild again."
        ) from error
    time.sleep(_BETWEEN)
