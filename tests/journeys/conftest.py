"""The product as these journeys find it: api, projector and worker over TCP, one database for a whole run.

A journey has a workspace of its own; what stops or kills a process starts processes of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.plugins.databases import Server
from tests.support.client import Client
from tests.support.server import Api, Product, Running, product, ready
from tests.waiting import wait_until


@dataclass(frozen=True)
class Whole:
    """Everything running: one process of each kind."""

    product: Product
    api: Api
    projector: Running
    worker: Running

    def client(self, workspace: str | None = None) -> Client:
        """A user of a workspace, a new one where none is named."""
        return self.product.client(self.api, workspace)


@pytest.fixture(scope="session")
def whole(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """The product that the journeys of one run share."""
    name = server.clone()
    with product(server.database(name), tmp_path_factory.mktemp("product")) as started:
        projector, worker, api = started.projector(), started.worker(), started.api()
        wait_until(lambda: ready(api), 60)
        yield Whole(started, api, projector, worker)
    server.drop(name)


@pytest.fixture(scope="session")
def second_api(whole: Whole) -> Api:
    """Another api process on the same database."""
    return whole.product.api()


@pytest.fixture
def alice(whole: Whole) -> Client:
    """The owner of a new workspace."""
    return whole.client()


@pytest.fixture
def stranger(whole: Whole) -> Client:
    """The owner of another new workspace."""
    return whole.client()


@pytest.fixture
def apart(fresh_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of one's own, no process of it running yet: for what stops, kills or floods."""
    with product(fresh_database, tmp_path_factory.mktemp("apart")) as started:
        yield started
