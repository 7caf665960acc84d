"""What tests of projectors start from."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from adapters.engagement_log.log import PostgresFactLog


@pytest_asyncio.fixture
async def log(fresh_database: str) -> AsyncIterator[PostgresFactLog]:
    """The log of a fresh database."""
    found = PostgresFactLog(fresh_database)
    await found.open()
    yield found
    await found.close()
