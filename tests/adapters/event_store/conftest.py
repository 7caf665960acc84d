"""Workspaces with an open store on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.event_store import Place, Studio, studio

Opens = Callable[..., Awaitable[Studio]]


@pytest.fixture(scope="module")
def place(database_url: str) -> Place:
    """The database that the tests of a module share."""
    return Place(database_url)


@pytest.fixture
def fresh_place(fresh_database: str) -> Place:
    """A database for one test alone."""
    return Place(fresh_database)


@pytest.fixture
async def alice(place: Place) -> AsyncIterator[Studio]:
    """Alice's own workspace, and her process."""
    async with studio(place) as opened:
        yield opened


@pytest.fixture
async def opens(place: Place) -> AsyncIterator[Opens]:
    """Opens further processes' stores, closed with the test."""
    async with AsyncExitStack() as stack:

        async def open_one(at: Place = place, **options: Any) -> Studio:
            return await stack.enter_async_context(studio(at, **options))

        yield open_one
