"""Migrations: in order, once, by any number at once, killed anywhere."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import psycopg
import pytest

from adapters.event_store.migrate import FOLDER, MigrationError, known, migrate, pending
from tests.plugins.databases import Server

pytestmark = pytest.mark.req("OPS-3")

SEED = 20261121

# Migrates the database of its first argument as `ballyhoo migrate` does.
MIGRATE = """
import sys
from infra.database import bring_up
print(bring_up(sys.argv[1], None, lambda key: print("key", key, flush=True)))
"""


@pytest.fixture
def empty_database(server: Server) -> Iterator[str]:
    """A database in which nothing stands yet."""
    name = server.create()
    yield server.database(name)
    server.drop(name)


def test_every_file_is_applied_once_and_in_order(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        first = migrate(connection)
        second = migrate(connection)

        assert first == [migration.name for migration in known()]
        assert second == []
        assert pending(connection) == []


def test_what_follows_the_files_runs_each_time(empty_database: str) -> None:
    ran: list[int] = []
    with psycopg.connect(empty_database, autocommit=True) as connection:
        for number in (1, 2):
            migrate(connection, lambda connection, number=number: ran.append(number))  # type: ignore[misc]

    assert ran == [1, 2]


def test_a_file_that_fails_leaves_nothing_of_itself(empty_database: str, tmp_path: Path) -> None:
    copy_to(tmp_path, extra="create table ballyhoo.half (n int); select 1/0;")

    with psycopg.connect(empty_database, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(connection, folder=tmp_path)

        assert connection.execute("select to_regclass('ballyhoo.half')").fetchone() == (None,)
        assert pending(connection) == []


def test_a_changed_file_is_refused_by_name(empty_database: str, tmp_path: Path) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        migrate(connection)
        copy_to(tmp_path)
        first = known(tmp_path)[0].name
        (tmp_path / f"{first}.sql").write_text("select 1")

        with pytest.raises(MigrationError, match=f"Migration {first} was changed after it was applied"):
            migrate(connection, folder=tmp_path)


def test_a_program_runs_on_where_a_later_one_has_added_something(empty_database: str, tmp_path: Path) -> None:
    copy_to(tmp_path, extra="select 1")
    with psycopg.connect(empty_database, autocommit=True) as connection:
        migrate(connection, folder=tmp_path)

        assert pending(connection) == []
        assert migrate(connection) == []


def test_a_program_refuses_where_a_later_one_has_taken_away_what_it_needs(empty_database: str, tmp_path: Path) -> None:
    copy_to(tmp_path, extra="select 1", name="extra_breaking")
    with psycopg.connect(empty_database, autocommit=True) as connection:
        migrate(connection, folder=tmp_path)

        with pytest.raises(MigrationError, match=r"has migration \d+_extra_breaking, with which this version"):
            pending(connection)


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "001_one.sql").write_text("select 1")
    (tmp_path / "003_three.sql").write_text("select 3")

    with pytest.raises(MigrationError, match="without gap"):
        known(tmp_path)


def test_eight_at_once_apply_each_file_once_and_make_one_key(empty_database: str) -> None:
    eight = [migrating(empty_database) for _ in range(8)]
    said = [process.communicate(timeout=60)[0] for process in eight]

    assert [process.returncode for process in eight] == [0] * 8
    assert sum("key bh_" in output for output in said) == 1
    assert_complete(empty_database)


@pytest.mark.faults
def test_eight_at_once_killed_anywhere_and_run_again_are_right(server: Server) -> None:
    print(f"seed {SEED}")
    random = Random(SEED)
    for _ in range(3):
        name = server.create()
        eight = [migrating(server.database(name)) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(kill_after, eight, [random.uniform(0.3, 3.0) for _ in eight]))

        again = migrating(server.database(name))
        again.communicate(timeout=60)

        assert again.returncode == 0
        assert_complete(server.database(name))
        server.drop(name)


def migrating(database: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", MIGRATE, database], stdout=subprocess.PIPE, text=True)


def kill_after(process: subprocess.Popen[str], seconds: float) -> None:
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def assert_complete(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        assert pending(connection) == []
        assert connection.execute("select name from ballyhoo.workspaces").fetchall() == [("default",)]
        assert connection.execute("select count(*) from ballyhoo.api_keys").fetchone() == (1,)


def copy_to(folder: Path, extra: str | None = None, *, name: str = "extra") -> None:
    """Copy the migrations, with another one of this name after the last where ``extra`` has its statements."""
    for path in FOLDER.glob("*.sql"):
        (folder / path.name).write_bytes(path.read_bytes())
    if extra is not None:
        (folder / f"{len(known()) + 1:03}_{name}.sql").write_text(extra)
