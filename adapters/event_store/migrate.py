"""Brings a database to the tables that this program knows, by the numbered files in ``migrations/``.

Each file is applied in one transaction with the row that says so, under a lock of that transaction: any
number of processes may migrate at once and be killed anywhere. A file that was applied is never changed; a
change is a new file.

A file only adds: programs of the release before run on beside the new ones, and start again where they die. One that
takes something away that they need has a name that ends with ``_breaking``; programs that do not know it refuse to
start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psycopg

FOLDER = Path(__file__).parent / "migrations"
BREAKING = "_breaking"
LOCK = 0x62616C6C79686F6F  # "ballyhoo", so that no other program's lock on the same database is met

_LEDGER = """
create table if not exists ballyhoo.migrations (
  number int primary key,
  name text not null,
  checksum bytea not null,
  applied_at timestamptz not null default clock_timestamp()
);
grant select on ballyhoo.migrations to ballyhoo_engine, ballyhoo_reader;
"""


class MigrationError(Exception):
    """The database and this program do not fit; the message says which of the two is ahead."""


@dataclass(frozen=True)
class Migration:
    """One file: its number (1, 2, 3 … without gap), its name, its statements."""

    number: int
    name: str
    statements: bytes

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the file."""
        return sha256(self.statements).digest()


def known(folder: Path = FOLDER) -> list[Migration]:
    """The files of ``folder`` in their order; MigrationError where a number is missing or taken twice."""
    found = [
        Migration(int(path.name.partition("_")[0]), path.stem, path.read_bytes())
        for path in sorted(folder.glob("*.sql"))
    ]
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationError("The migrations are not numbered 1, 2, 3 … without gap.")
    return found


def pending(connection: psycopg.Connection, migrations: list[Migration] | None = None) -> list[str]:
    """The names of what is still to apply; none where a later release has migrated further.

    MigrationError where that took away what this one needs, or the database was made by another program.
    """
    migrations = known() if migrations is None else migrations
    applied = _applied(connection)
    numbers = {migration.number for migration in migrations}
    breaking = [name for number, (name, _) in applied.items() if number not in numbers and name.endswith(BREAKING)]
    if breaking:
        name = max(breaking)
        raise MigrationError(f"The database has migration {name}, with which this version of Ballyhoo can't run.")
    for migration in migrations:
        if applied.get(migration.number, (migration.name, migration.checksum))[1] != migration.checksum:
            raise MigrationError(f"Migration {migration.name} was changed after it was applied to this database.")
    return [migration.name for migration in migrations if migration.number not in applied]


def migrate(
    connection: psycopg.Connection,
    *then: Callable[[psycopg.Connection], None],
    folder: Path = FOLDER,
) -> list[str]:
    """Apply what is pending, then call each of ``then`` under the same lock, each in a transaction of its
    own.

    ``connection`` is in autocommit and owns the database. Gives the names of what this call applied.
    """
    migrations = known(folder)
    done: list[str] = []
    for migration in migrations:
        with connection.transaction():
            _lock(connection)
            if migration.name in pending(connection, migrations):
                _apply(connection, migration)
                done.append(migration.name)
    for step in then:
        with connection.transaction():
            _lock(connection)
            step(connection)
    return done


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    connection.execute(migration.statements)
    connection.execute(_LEDGER)
    connection.execute(
        "insert into ballyhoo.migrations (number, name, checksum) values (%s, %s, %s)",
        (migration.number, migration.name, migration.checksum),
    )


def _applied(connection: psycopg.Connection) -> dict[int, tuple[str, bytes]]:
    there = connection.execute("select to_regclass('ballyhoo.migrations')").fetchone()
    if there is None or there[0] is None:
        return {}
    rows = connection.execute("select number, name, checksum from ballyhoo.migrations").fetchall()
    return {number: (name, checksum) for number, name, checksum in rows}


def _lock(connection: psycopg.Connection) -> None:
    connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
