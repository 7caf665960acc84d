"""The write side of a test: a workspace on a real database, and the store as a process opens it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg

from adapters.event_store.append import Command
from adapters.event_store.appender import Appender
from adapters.event_store.codec import Codec
from adapters.event_store.epochs import PostgresEpochs
from adapters.event_store.packing import packed
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.pool import Pool
from application.ports import Answer, Caller, Context, DueClaim, Idempotency
from domain.campaign.campaign import Campaign
from domain.catalogue import EVENTS
from tests.examples.campaigns import ALICE, NOON, autumn_email

CODEC = Codec(EVENTS)
EPOCH = UUID("01935000-0000-7000-8000-00000000e90c")
"""What a store says that asks nobody."""


class Place:
    """A database, looked at by its owner."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of one statement, committed."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def workspace(self) -> Caller:
        """The owner of a new workspace."""
        id = uuid4()
        rows = self.rows("insert into ballyhoo.workspaces(id, name) values (%s, %s) returning number", id, str(id))
        return Caller(rows[0][0], id, "key:alice", "owner")

    def versions(self, caller: Caller) -> list[tuple[UUID, int]]:
        """Every event of a workspace as (stream, version), in the order of the log."""
        return self.rows(
            "select s.id, e.version from ballyhoo.events e join ballyhoo.streams s using (stream) "
            "where e.workspace = %s order by e.position",
            caller.workspace,
        )


@dataclass
class Studio:
    """One workspace, and a store opened for it."""

    place: Place
    caller: Caller
    pool: Pool
    appender: Appender
    store: PostgresEventStore
    at: datetime = field(default=NOON)

    def asks(
        self, *, key: Idempotency | None = None, due: DueClaim | None = None, causation: UUID | None = None,
        body: bytes | None = None, correlation: str = "a-request",
    ) -> Context:  # fmt: skip
        """The context of one command; with a key, or a body, it presents an answer of that body."""
        context = Context(self.caller, self.at, correlation, causation=causation, idempotency=key, due=due)
        if key is None and body is None:
            return context

        async def present(aggregate: Any) -> Answer:
            return Answer(200, body if body is not None else f"version {aggregate.version}".encode())

        return replace(context, present=present)

    def draft(self, *, id: UUID | None = None, **changes: Any) -> Campaign:
        """A new campaign that nobody has saved."""
        return Campaign.draft(autumn_email() | changes, id=id or uuid4(), by=ALICE, at=self.at)

    async def drafted(self, **changes: Any) -> Campaign:
        """A campaign that was saved and loaded."""
        campaign = self.draft(**changes)
        await self.store.save(campaign, self.asks())
        return await self.load(campaign.id)

    async def load(self, id: UUID, **moment: Any) -> Campaign:
        """A campaign of the workspace."""
        return await self.store.get(Campaign, self.caller.workspace, id, **moment)

    def command(self, campaign: Campaign, **conditions: Any) -> Command:
        """What a campaign decided, packed for the appender; under a key it answers ``{}``."""
        context = self.asks(**conditions)
        answer = Answer(200, b"{}") if context.idempotency else None
        return packed(CODEC, campaign, list(campaign.collect_events()), context, answer)


@asynccontextmanager
async def studio(
    place: Place,
    *,
    caller: Caller | None = None,
    url: str | None = None,
    with_snapshots: bool = True,
    clock: Callable[[], datetime] | None = None,
    epochs: PostgresEpochs | None = None,
    **limits: Any,
) -> AsyncIterator[Studio]:
    """A store for a workspace (a new one where none is given), closed with the context. ``url`` is another way
    to the same database; ``epochs`` hears of every connection."""
    pool = Pool(url or place.url, role="ballyhoo_engine", size=4)
    under, epoch = (epochs.hear, epochs.now) if epochs else (lambda _: None, lambda: EPOCH)
    appender = Appender(url or place.url, clock=clock, under=under, **limits)
    store = PostgresEventStore(pool, appender, CODEC, epoch, with_snapshots=with_snapshots)
    await pool.open()
    try:
        yield Studio(place, caller or place.workspace(), pool, appender, store)
    finally:
        await store.close()
        await appender.close()
        await pool.close()


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)
