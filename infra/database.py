"""Which database is meant, and bringing it up to this program.

The folder that the command line names is meant before ``BALLYHOO_DATABASE_URL``, and that before the folder
that is set or the usual one. A folder that ``ballyhoo serve`` owns is used through its server; another is
started for as long as a command lasts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psycopg

from adapters.event_store.migrate import migrate, pending
from adapters.event_store.workspaces import ensure_first_workspace
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.read_models.schemas import ensure_schemas
from infra.settings import Settings


class NotReachable(Exception):
    """The database does not answer, or is not ready for this program; the message says what helps."""


@contextmanager
def reach(settings: Settings, folder: Path | None = None, *, make: bool = False) -> Iterator[str]:
    """The URL of the database that is meant, while the block runs. ``folder`` is the one the command line names.

    NotReachable where there is no such folder yet and ``make`` does not ask for one.
    """
    if folder is None and settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    postgres = EmbeddedPostgres(folder or settings.data)
    if postgres.owner() is not None:
        yield postgres.url
        return
    if not make and not postgres.folder.exists():
        raise NotReachable(f"There is no Ballyhoo in {postgres.data}: start ballyhoo serve there first.")
    with postgres:
        yield postgres.url


def running(settings: Settings, folder: Path | None = None) -> str:
    """The URL of the database that is meant, where it runs. NotReachable otherwise."""
    if folder is None and settings.database_url is not None:
        return settings.database_url.get_secret_value()
    postgres = EmbeddedPostgres(folder or settings.data)
    if postgres.owner() is None:
        raise NotReachable(
            f"Nothing serves {postgres.data}: start ballyhoo serve there, or set BALLYHOO_DATABASE_URL."
        )
    return postgres.url


def bring_up(dsn: str, key: str | None, hand_over: Callable[[str], None]) -> list[str]:
    """Apply what is pending, make the read models' tables and, the first time, the workspace ``default``.

    Its owner's key is ``key`` or a random one. ``hand_over`` gets it before it is committed, so that a kill
    between the two leaves a key that is not valid yet and a next run that makes another, never a valid one
    that nobody has. Gives the names of the migrations applied.
    """

    def first_workspace(connection: psycopg.Connection) -> None:
        made = ensure_first_workspace(connection, key)
        if made is not None:
            hand_over(made)

    with _connect(dsn) as connection:
        return migrate(connection, ensure_schemas, first_workspace)


def begin_epoch(dsn: str) -> UUID:
    """A new epoch from the heads of the logs on, for a state that the server cannot tell to be an earlier one: a dump
    read back, or files copied back."""
    with _connect(dsn) as connection:
        found = connection.execute("select ballyhoo.current_epoch(true)").fetchone()
        assert found is not None
        epoch: UUID = found[0]
        return epoch


def insist_on_tables(dsn: str) -> None:
    """NotReachable, with the sentence that helps, where the database is away or not migrated."""
    with _connect(dsn) as connection:
        if missing := pending(connection):
            raise NotReachable(f"{len(missing)} migrations are not applied: run ballyhoo migrate first.")


def write_owner_key(folder: Path, key: str) -> Path:
    """Keep the key in ``folder/owner.key``, for its owner's eyes only; on disk when this returns."""
    path = folder / "owner.key"
    started = folder / "owner.key.new"
    started.unlink(missing_ok=True)
    with open(os.open(started, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    started.replace(path)
    return path


def _connect(dsn: str) -> psycopg.Connection:
    try:
        return psycopg.connect(dsn, autocommit=True, connect_timeout=10, application_name="ballyhoo")
    except psycopg.OperationalError as error:
        raise NotReachable(f"The database does not answer: {str(error).splitlines()[0]}") from error
