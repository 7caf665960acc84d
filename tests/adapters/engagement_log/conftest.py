"""Workspaces with campaigns, and logs of facts on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from adapters.engagement_log.log import PostgresFactLog


class World:
    """A database, looked at by its owner."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of one statement, committed."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def workspace(self) -> int:
        """A new workspace's number."""
        id = uuid4()
        made = self.rows("insert into ballyhoo.workspaces(id, name) values (%s, %s) returning number", id, str(id))
        return int(made[0][0])

    def campaign(self, workspace: int, currency: str = "USD") -> tuple[str, int]:
        """The id and the stream of a new campaign, as the event store would have made it."""
        id = uuid4()
        made = self.rows(
            "insert into ballyhoo.streams(workspace, id, kind, version, currency) "
            "values (%s, %s, 'campaign', 1, %s) returning stream",
            workspace,
            id,
            currency,
        )
        return str(id), int(made[0][0])

    def facts(self, workspace: int) -> list[dict[str, Any]]:
        """The facts of a workspace in the order of their positions."""
        with psycopg.connect(self.url, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(
                "select * from ballyhoo.facts where workspace = %s order by position", (workspace,)
            ).fetchall()

    def counted(self, workspace: int) -> set[str]:
        """The ids of the facts that count, by the rule of the fold: what is not voided, less what voids take back."""
        rows = self.facts(workspace)
        taken = {(row["voids_position"], row["campaign"]) for row in rows if row["voids_position"] is not None}
        return {
            row["id"]
            for row in rows
            if row["kind"] != 13 and not row["voided"] and (row["position"], row["campaign"]) not in taken
        }


@pytest.fixture(scope="module")
def world(database_url: str) -> World:
    """The database that the tests of a module share."""
    return World(database_url)


@pytest.fixture
def fresh_world(fresh_database: str) -> World:
    """A database for one test alone."""
    return World(fresh_database)


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[PostgresFactLog]:
    """A log of facts, open as long as the context lasts."""
    log = PostgresFactLog(url, **options)
    await log.open()
    try:
        yield log
    finally:
        await log.close()


Opens = Callable[..., Any]


@pytest.fixture
async def open_log() -> AsyncIterator[Opens]:
    """Opens logs that are closed with the test."""
    async with AsyncExitStack() as stack:

        async def open_one(url: str, **options: Any) -> PostgresFactLog:
            return await stack.enter_async_context(opened(url, **options))

        yield open_one
