"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.pool import Pool


@pytest.fixture
async def pool(fresh_database: str) -> AsyncIterator[Pool]:
    """Acts as the engine, on a database for one test alone."""
    pool = Pool(fresh_database, role="ballyhoo_engine")
    await pool.open()
    yield pool
    await pool.close()
