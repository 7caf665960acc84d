"""What the tests of the Kafka ring share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.kafka.ledger import Store


@pytest.fixture
def store(fresh_database: str) -> Iterator[Store]:
    """A database for one test alone, with ledgers of what was applied."""
    store = Store(fresh_database)
    yield store
    store.close()
