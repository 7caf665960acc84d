"""What the tests of the Kafka ring share."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.kafka.ledger import Store

# kafka-python 3.0.12 forgets to close the socket of a connection that was refused.
_LEAK = "unclosed <socket"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(f"ignore:{_LEAK}:ResourceWarning"))


@pytest.fixture(autouse=True)
def _forgotten_sockets() -> Iterator[None]:
    """Collect them before another test would be blamed."""
    yield
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", _LEAK, ResourceWarning)
        gc.collect()


@pytest.fixture
def store(fresh_database: str) -> Iterator[Store]:
    """A database for one test alone, with ledgers of what was applied."""
    store = Store(fresh_database)
    yield store
    store.close()
