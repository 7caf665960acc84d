"""A projector process: folds what is new in its partitions into every projection, until it is told to stop.

Each projection runs in a thread with a connection of its own; one more thread keeps the leases.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import psycopg
import structlog

from adapters.event_store.codec import Codec
from adapters.read_models.keeping import KeptTables
from adapters.read_models.leases import EVERY, Leases, connect
from adapters.read_models.projecting import Projecting
from adapters.read_models.self_check import EVERY as EVERY_CHECK
from adapters.read_models.self_check import SelfCheck
from adapters.read_models.source import Source, StoreSource
from domain.catalogue import EVENTS
from projections.catalogue import CATALOGUE
from projections.projection import Projection

log = structlog.get_logger("projector")


class Runner:
    """Folds ``projections`` on the database that ``dsn`` names, each from a ``source`` of its own."""

    def __init__(
        self,
        dsn: str,
        *,
        projections: Sequence[Projection] = CATALOGUE,
        source: Callable[[], Source] | None = None,
        id: UUID | None = None,
        check_every: float = EVERY_CHECK,
    ) -> None:
        self._dsn = dsn
        self._leases = Leases(id or uuid4())
        open_source = source or (lambda: StoreSource(Codec(EVENTS)))
        self._projecting = [Projecting(dsn, projection, open_source(), self._leases) for projection in projections]
        self._kept = KeptTables(dsn, self._leases, projections)
        self._check = SelfCheck(dsn, self._leases, projections, check_every)

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; a database that is away is waited for."""
        threads = [
            threading.Thread(target=work.run, args=(stop,), name=work.projection.name, daemon=True)
            for work in self._projecting
        ]
        checking = threading.Thread(target=self._check.run, args=(stop,), name="self-check", daemon=True)
        for thread in (*threads, checking):
            thread.start()
        while not stop.is_set():
            try:
                self._keep_leases(stop)
            except psycopg.OperationalError as error:
                log.warning("projector_waits", reason=str(error).strip())
                stop.wait(0.5)
        while checking.is_alive():
            self._check.cancel()
            checking.join(0.2)
        for thread in threads:
            thread.join()
        self._kept.end()

    def _keep_leases(self, stop: threading.Event) -> None:
        with connect(self._dsn, "projector-leases", statement_timeout_ms=5000) as connection:
            while True:
                self._leases.tick(connection, self.status())
                self._kept.look(connection)
                if stop.wait(EVERY):
                    break
            self._leases.release(connection)

    def status(self) -> dict[str, Any]:
        """What each projection is doing, for ``ballyhoo.processes``."""
        working = [*self._projecting, *self._kept.projecting]
        return {
            "projections": {
                work.place.name: work.status() | {"differences": self._check.differences(work.place.name)}
                for work in working
            }
        }
