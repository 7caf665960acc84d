"""One rebuild of a projection at a time: a lease with an expiry by the database's clock, renewed while it works.

A lease can be lost only by a process that was stopped or cut off; it finds out at its next renewal, and by its run's
rows having gone.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import psycopg
from psycopg import Connection

from adapters.read_models.leases import connect
from adapters.read_models.rebuild.stopping import AlreadyRebuilding

SECONDS = 10.0
EVERY = 2.0

_TAKE = """
insert into ballyhoo.leases as l (name, owner, until)
values (%(name)s, %(owner)s, clock_timestamp() + make_interval(secs => %(seconds)s))
on conflict (name) do update set owner = excluded.owner, until = excluded.until, fence = l.fence + 1
  where l.until <= clock_timestamp() or l.owner = excluded.owner
     or l.until > clock_timestamp() + make_interval(secs => 2 * %(seconds)s)
returning owner
"""
_LET_GO = "delete from ballyhoo.leases where name = %s and owner = %s"


class RebuildLease:
    """Held while the block runs; AlreadyRebuilding where another holds it. ``lost`` is set when it was taken over."""

    def __init__(self, dsn: str, name: str, owner: UUID) -> None:
        self.lost = threading.Event()
        self._dsn = dsn
        self._lease = f"rebuild:{name}"
        self._name = name
        self._owner = owner
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="rebuild-lease", daemon=True)

    def __enter__(self) -> Self:
        with self._connect() as connection:
            if not self._take(connection):
                raise AlreadyRebuilding(self._name)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(timeout=10.0)
        try:
            with self._connect() as connection:
                connection.execute(_LET_GO, (self._lease, self._owner))
        except psycopg.OperationalError:
            return  # it runs out by itself

    def _keep(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                with self._connect() as connection:
                    while True:
                        if not self._take(connection):
                            self.lost.set()
                            return
                        if self._stop.wait(EVERY):
                            return
            except psycopg.OperationalError:
                continue

    def _take(self, connection: Connection[Any]) -> bool:
        asked = {"name": self._lease, "owner": self._owner, "seconds": SECONDS}
        return connection.execute(_TAKE, asked).fetchone() is not None

    def _connect(self) -> Connection[Any]:
        return connect(self._dsn, "rebuild-lease", statement_timeout_ms=5000)
