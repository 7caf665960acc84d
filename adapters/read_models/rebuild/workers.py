"""Workers that do a rebuild's units side by side: one in this process, the others in processes of their own."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.process import BaseProcess
from typing import Any

import psycopg
from psycopg import Connection

from adapters.read_models import folds
from adapters.read_models.rebuild import units
from adapters.read_models.rebuild.filling import LOG, fill
from adapters.read_models.rebuild.places import Place, search
from adapters.read_models.rebuild.stopping import RebuildStopped
from adapters.read_models.rebuild.units import Run
from projections.projection import EventProjection

MEMORY = "256MB"
"""What a worker's sorts and hashes may hold before they go to disk."""
_WAIT = 0.02

Look = Callable[[], None]


def work(dsn: str, place: Place, run: Run, log: str = LOG, look: Look = lambda: None) -> None:
    """Do units until none is left. ``look`` is called between two of them, and raises to make an end."""
    with connection_of_rebuild(dsn) as connection, _reading(dsn, place, connection) as reading:
        search(connection, place.shadow)
        # A server that crashes loses the last units together with the rows that call them done, and whoever commits
        # after the last one, the swap above all, waits for the disk for all of them.
        connection.execute("set synchronous_commit = off")
        folds.prepare(connection, place.projection)
        while True:
            look()
            with connection.transaction():
                unit = units.claim(connection, run.run)
                if unit is not None:
                    units.done(connection, unit, fill(connection, reading, place, run, unit, log))
            if unit is None:
                if units.left(connection, run.run) == 0:
                    return
                time.sleep(_WAIT)


def work_apart(dsn: str, place: Place, run: Run, log: str) -> None:
    """The same in a process of its own, which ends with the one that started it."""
    parent = multiprocessing.parent_process()

    def look() -> None:
        if parent is not None and not parent.is_alive():
            raise SystemExit(1)

    try:
        work(dsn, place, run, log, look)
    except (RebuildStopped, psycopg.Error):
        raise SystemExit(2) from None  # the others meet the same unit, and say why


class Workers:
    """``count`` workers at one run. ``watch`` waits for them."""

    def __init__(self, dsn: str, place: Place, run: Run, count: int, log: str = LOG) -> None:
        self._dsn, self._place, self._run, self._log = dsn, place, run, log
        self._error: BaseException | None = None
        self._ended = threading.Event()
        context = multiprocessing.get_context("spawn")
        self._apart: list[BaseProcess] = [
            context.Process(target=work_apart, args=(dsn, place, run, log), daemon=True) for _ in range(count - 1)
        ]
        self._own = threading.Thread(target=self._work, name="rebuild-worker", daemon=True)

    def watch(self, look: Look, every: float) -> None:
        """Start them and return when all is done, or raise what one of them met; ``look`` is called meanwhile."""
        for process in self._apart:
            process.start()
        self._own.start()
        try:
            while not self._ended.wait(every):
                look()
        except BaseException as error:
            self._error = self._error or error
            raise
        finally:
            if self._error is not None:
                for process in self._apart:
                    process.kill()
            self._own.join(timeout=None if self._error is None else 60.0)
            for process in self._apart:
                process.join()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        def look() -> None:
            if self._error is not None:
                raise self._error

        try:
            work(self._dsn, self._place, self._run, self._log, look)
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()


def _reading(dsn: str, place: Place, writing: Connection[Any]) -> AbstractContextManager[Connection[Any]]:
    """What events are read through; facts never leave the server."""
    return connection_of_rebuild(dsn) if isinstance(place.projection, EventProjection) else nullcontext(writing)


def connection_of_rebuild(dsn: str) -> Connection[Any]:
    """A connection of the engine for statements that take as long as they take."""
    return psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=5,
        application_name="rebuild",
        keepalives_idle=10,
        keepalives_interval=3,
        keepalives_count=3,
        options="-c role=ballyhoo_engine -c timezone=UTC -c jit=off -c plan_cache_mode=force_custom_plan"
        f" -c idle_in_transaction_session_timeout=60000 -c statement_timeout=0 -c work_mem={MEMORY}"
        " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3"
        f" -c maintenance_work_mem={MEMORY} -c max_parallel_workers_per_gather=0"
        " -c max_parallel_maintenance_workers=0",
    )
