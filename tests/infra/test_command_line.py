"""The command line: what goes wrong is one sentence and a status other than 0."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.infra.serving import free_port, run
from tests.plugins.databases import Server

pytestmark = pytest.mark.req("OPS-2")


def test_the_settings_in_force_are_printed(tmp_path: Path) -> None:
    printed = run("config", "--data", str(tmp_path), port="8123", owner_key="k" * 32)

    assert printed.returncode == 0
    assert {f"BALLYHOO_DATA={tmp_path}", "BALLYHOO_PORT=8123", "BALLYHOO_OWNER_KEY=********"} <= set(
        printed.stdout.splitlines()
    )


@pytest.mark.parametrize("command", ["serve", "api", "projector", "worker", "migrate", "config", "health"])
def test_a_wrong_setting_stops_every_command(command: str) -> None:
    refused = run(command, port="http")

    assert refused.returncode == 1
    assert refused.stderr == "ballyhoo: BALLYHOO_PORT is wrong: it should be a whole number, not 'http'.\n"


def test_serve_does_not_pass_over_a_database_that_is_set(tmp_path: Path) -> None:
    refused = run("serve", database_url="postgresql://ann@127.0.0.1:1/b")

    assert refused.returncode == 1
    assert refused.stderr.startswith("ballyhoo: BALLYHOO_DATABASE_URL is set, but serve brings a Postgres of its own")


@pytest.mark.parametrize("command", ["projector", "migrate"])
def test_a_database_that_is_away_is_said(command: str) -> None:
    refused = run(command, database_url=f"postgresql://ann@127.0.0.1:{free_port()}/b")

    assert refused.returncode == 1
    assert refused.stderr.startswith("ballyhoo: The database does not answer: ")
    assert "Traceback" not in refused.stderr


def test_a_process_needs_a_folder_that_is_served(tmp_path: Path) -> None:
    refused = run("worker", "--data", str(tmp_path))

    assert refused.returncode == 1
    assert refused.stderr == (
        f"ballyhoo: Nothing serves {tmp_path}: start ballyhoo serve there, or set BALLYHOO_DATABASE_URL.\n"
    )


def test_health_of_nothing_is_a_sentence() -> None:
    refused = run("health", port=str(free_port()))

    assert refused.returncode == 1
    assert "Nothing answers at http://127.0.0.1:" in refused.stderr


def test_track_without_a_key_is_a_sentence(tmp_path: Path) -> None:
    refused = run("track", "facts.csv", "--data", str(tmp_path))

    assert refused.returncode == 1
    assert refused.stderr.startswith("ballyhoo: There is no key: set BALLYHOO_OWNER_KEY")


def test_an_errand_makes_no_folder(tmp_path: Path) -> None:
    made = run("key", "create", "--workspace", "w", "--role", "owner", "--data", str(tmp_path / "data"))

    assert made.returncode == 1
    assert made.stderr == (
        f"ballyhoo: There is no Ballyhoo in {tmp_path / 'data'}: start ballyhoo serve there first.\n"
    )
    assert not (tmp_path / "data").exists()


def test_a_database_that_is_not_migrated_is_said(server: Server) -> None:
    name = server.create()

    made = run("key", "create", "--workspace", "w", "--role", "owner", database_url=server.database(name))

    assert made.returncode == 1
    assert "migrations are not applied: run ballyhoo migrate first" in made.stderr
    server.drop(name)


@pytest.mark.postgres
def test_migrate_tells_what_it_applied_and_the_key_last(tmp_path: Path) -> None:
    first = run("migrate", "--data", str(tmp_path / "data"))
    second = run("migrate", "--data", str(tmp_path / "data"))
    other = run("key", "create", "--workspace", "w", "--role", "owner", "--data", str(tmp_path / "data"))

    assert first.returncode == 0, first.stderr
    assert "applied 001_write_side" in first.stdout
    assert (tmp_path / "data" / "owner.key").read_text().strip() in first.stdout.splitlines()
    assert second.stdout == "The database is up to date.\n"
    assert other.returncode == 0, other.stderr
    assert len(other.stdout.splitlines()[-1]) >= 32


@pytest.mark.req("OPS-3", "EVT-9")
def test_a_restored_database_is_told_by_hand_and_begins_an_epoch(fresh_database: str) -> None:
    epochs = "select count(*), max(began_at) from ballyhoo.epochs"
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        before = connection.execute(epochs).fetchone()
        made = run("migrate", "--restored", database_url=fresh_database)
        after = connection.execute(epochs).fetchone()

    assert made.returncode == 0, made.stderr
    assert "Start every process anew." in made.stdout
    assert before is not None
    assert after is not None
    assert (after[0], after[1] > before[1]) == (before[0] + 1, True)
