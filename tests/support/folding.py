"""One projection folded step by step in the test's own thread, by an owner who holds every partition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection

from adapters.event_store.codec import Codec
from adapters.read_models.leases import Leases, connect
from adapters.read_models.projecting import Projecting
from adapters.read_models.source import StoreSource
from domain.catalogue import EVENTS
from projections.projection import Projection

_TAKE = """
insert into ballyhoo.leases (name, owner, until)
select 'projector:' || part, %s, clock_timestamp() + interval '1 hour' from generate_series(0, 15) part
on conflict (name) do update set owner = excluded.owner, until = excluded.until
"""


def owned_by(url: str, owner: UUID) -> None:
    """Give every partition to ``owner`` for an hour."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_TAKE, (owner,))


class Stepper:
    """Folds when told to."""

    def __init__(self, url: str, connection: Connection[Any], projection: Projection, owner: UUID) -> None:
        self.owner = owner
        self.leases = Leases(owner)
        self.leases.held = frozenset(range(16))
        self.projecting = Projecting(url, projection, StoreSource(Codec(EVENTS)), self.leases)
        self.connection = connection
        self.projecting.begin(self.connection)

    def step(self) -> bool:
        """One batch."""
        return self.projecting.step(self.connection)

    def finish(self) -> None:
        """Until nothing is new."""
        while self.step():
            pass


@contextmanager
def stepper(url: str, projection: Projection, owner: UUID | None = None) -> Iterator[Stepper]:
    """A stepper that owns everything."""
    with connect(url, "stepper", statement_timeout_ms=60_000) as connection:
        made = Stepper(url, connection, projection, owner or uuid4())
        owned_by(url, made.owner)
        yield made


def rows(url: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What a statement finds."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement.encode(), parameters or None).fetchall()
