"""A Postgres for the tests: the embedded one, or the one that ``BALLYHOO_DATABASE_URL`` names (its user may
create databases and roles). Where neither answers, every test that needs one fails.

Each worker of a parallel run migrates one database once and clones it for each module, or test, that asks.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from adapters.event_store.migrate import migrate
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.read_models.schemas import ensure_schemas

# Tests lose nothing that they would miss; the faults ring starts servers of its own, with the real settings.
FAST = {"fsync": "off", "shared_buffers": "128MB", "min_wal_size": "80MB", "max_wal_size": "512MB"}

CONNECTIONS = 100
"""What one worker's tests may need at once: whole products, some side by side."""

_ONE_AT_A_TIME = 0x74657374


@dataclass
class Server:
    """A running server: ``url`` names its maintenance database; ``template`` is migrated on first use."""

    url: str
    template: str | None = field(default=None, init=False)

    def database(self, name: str) -> str:
        """The URL of one of its databases."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def connect(self) -> psycopg.Connection:
        """A connection in autocommit, for making and dropping databases."""
        return psycopg.connect(self.url, autocommit=True, connect_timeout=10)

    def clone(self) -> str:
        """Make a fresh migrated database and give its name."""
        if self.template is None:
            self.template = self._migrated()
        return self.create(template=self.template)

    def create(self, *, template: str | None = None) -> str:
        """Make a database, empty or cloned, and give its name."""
        name = f"ballyhoo_test_{uuid4().hex[:12]}"
        with self.connect() as connection:
            statement = sql.SQL("create database {}").format(sql.Identifier(name))
            if template is not None:
                statement += sql.SQL(" template {}").format(sql.Identifier(template))
            elif connection.info.server_version >= 170000:
                statement += sql.SQL(
                    " template template0 locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'"
                )
            else:
                statement += sql.SQL(" template template0 encoding 'UTF8' locale 'C.UTF-8'")
            connection.execute(statement)
        return name

    def drop(self, name: str) -> None:
        """Drop a database, with whoever is still connected."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )

    def _migrated(self) -> str:
        name = self.create()
        # Roles belong to the whole server: workers that share it migrate one after the other.
        with self.connect() as gate, psycopg.connect(self.database(name), autocommit=True) as connection:
            gate.execute("select pg_advisory_lock(%s)", (_ONE_AT_A_TIME,))
            migrate(connection, ensure_schemas)
        return name


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Of a server that is named, and shared by all workers, no more of them than it has connections for."""
    named, workers = os.environ.get("BALLYHOO_DATABASE_URL"), config.getoption("numprocesses", None)
    if not named or not isinstance(workers, int) or workers < 2:
        return
    with suppress(psycopg.Error), psycopg.connect(named, connect_timeout=10) as connection:
        ((allowed,),) = connection.execute("select current_setting('max_connections')::int").fetchall()
        if allowed < workers * CONNECTIONS:
            config.option.numprocesses = max(allowed // CONNECTIONS, 1)
            said = f"max_connections is {allowed}, and a worker of the tests needs up to {CONNECTIONS}"
            print(f"{said}: {config.option.numprocesses} of {workers} workers run.", flush=True)


@contextmanager
def running() -> Iterator[Server]:
    """The server of this run."""
    named = os.environ.get("BALLYHOO_DATABASE_URL")
    if named:
        yield Server(named)
        return
    with (
        tempfile.TemporaryDirectory(prefix="ballyhoo-tests-") as data,
        EmbeddedPostgres(Path(data), settings=FAST) as postgres,
    ):
        yield Server(postgres.url)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The Postgres server of this worker."""
    with running() as server:
        yield server
        if server.template is not None:
            server.drop(server.template)


@pytest.fixture(scope="module")
def database_url(server: Server) -> Iterator[str]:
    """The URL of a migrated database that the tests of one module share."""
    name = server.clone()
    yield server.database(name)
    server.drop(name)


@pytest.fixture
def fresh_database(server: Server) -> Iterator[str]:
    """The URL of a migrated database for one test alone."""
    name = server.clone()
    yield server.database(name)
    server.drop(name)
