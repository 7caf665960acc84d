"""Keeps the tables under other rules up to date beside the live ones, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import structlog
from psycopg import Connection

from adapters.event_store.codec import Codec
from adapters.read_models.leases import Leases
from adapters.read_models.projecting import Projecting
from adapters.read_models.rebuild.places import under_rule
from adapters.read_models.schemas import rule_schema
from adapters.read_models.source import StoreSource
from domain.catalogue import EVENTS
from projections.catalogue import UNDER_RULES
from projections.projection import Projection

log = structlog.get_logger("projector")

_KEPT = """
select name from ballyhoo.rules
 where to_regnamespace(%s || substr(encode(sha256(name::bytea), 'hex'), 1, 12)) is not null
"""


class KeptTables:
    """The kept tables of those ``projections`` that can be kept, folded from the store while they are there."""

    def __init__(self, dsn: str, leases: Leases, projections: Sequence[Projection]) -> None:
        self._dsn = dsn
        self._leases = leases
        self._projections = [projection for projection in projections if projection.name in UNDER_RULES]
        self._running: dict[str, tuple[Projecting, threading.Thread, threading.Event]] = {}

    @property
    def projecting(self) -> list[Projecting]:
        """What is being folded."""
        return [work for work, _, _ in tuple(self._running.values())]

    def look(self, connection: Connection[Any]) -> None:
        """Begin with what is new, end what has gone."""
        for projection in self._projections:
            prefix = rule_schema(projection, "")
            found = {name for (name,) in connection.execute(_KEPT, (prefix,)).fetchall()}
            places = {place.name: place for place in (under_rule(projection, name) for name in found)}
            for name in places.keys() - self._running.keys():
                work = Projecting(self._dsn, projection, StoreSource(Codec(EVENTS)), self._leases, places[name])
                stop = threading.Event()
                thread = threading.Thread(target=work.run, args=(stop,), name=name, daemon=True)
                self._running[name] = (work, thread, stop)
                thread.start()
            for name in self._running.keys() - places.keys():
                log.info("kept_tables_gone", projection=name)
                self._running.pop(name)[2].set()

    def end(self) -> None:
        """Stop all of them, and wait for it."""
        for _, _, stop in self._running.values():
            stop.set()
        for _, thread, _ in self._running.values():
            thread.join()
