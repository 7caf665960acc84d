"""The embedded Postgres against the traps that it is wrapped for: orphans, zombies, kills, two starts, long
paths.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from adapters.postgres import processes
from adapters.postgres.embedded import EmbeddedError, EmbeddedPostgres, FolderInUse
from tests.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.req("OPS-2")]

# Starts a server in the folder of its first argument, writes a row, says so, and waits for its end.
OWNER = """
import sys, time, psycopg
from pathlib import Path
from adapters.postgres.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]))
postgres.start()
with psycopg.connect(postgres.url) as connection:
    connection.execute("create table if not exists written (n int)")
    connection.execute("insert into written values (1)")
print("written", flush=True)
time.sleep(60)
"""


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        yield postgres


def test_a_commit_is_on_disk_before_it_is_answered(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        shown = [connection.execute(f"show {name}").fetchone() for name in ("fsync", "synchronous_commit")]

    assert shown == [("on",), ("on",)]


def test_only_the_owner_of_the_folder_reaches_it(postgres: EmbeddedPostgres) -> None:
    mode = postgres.folder.stat().st_mode & 0o777

    assert mode == 0o700
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("",)


def test_no_folder_above_is_opened_to_others(tmp_path: Path) -> None:
    before = [parent.stat().st_mode for parent in tmp_path.parents]

    with EmbeddedPostgres(tmp_path / "data"):
        after = [parent.stat().st_mode for parent in tmp_path.parents]

    assert after == before


def test_a_second_start_on_one_folder_says_who_has_it(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(FolderInUse, match=rf"in use by process {os.getpid()}; stop that one, or name"):
        EmbeddedPostgres(postgres.data).start()

    assert postgres.owner() == os.getpid()


def test_a_killed_postmaster_starts_again_with_all_that_was_committed(postgres: EmbeddedPostgres) -> None:
    write(postgres)
    head = processes.postmaster(postgres.folder)
    assert head is not None

    os.kill(head, signal.SIGKILL)
    wait_until(lambda: not postgres.alive())
    postgres.start()

    assert rows(postgres) == 1


def test_a_zombie_counts_as_dead(postgres: EmbeddedPostgres) -> None:
    head = processes.postmaster(postgres.folder)
    assert head is not None

    os.kill(head, signal.SIGKILL)  # nobody has waited for it yet: it stays in the table of processes
    wait_until(lambda: Path(f"/proc/{head}/stat").read_text().rpartition(")")[2].split()[0] == "Z")

    assert head not in processes.living(postgres.folder)
    postgres.start()
    assert processes.postmaster(postgres.folder) != head


def test_every_process_of_the_cluster_killed_at_once_is_recovered_from(postgres: EmbeddedPostgres) -> None:
    write(postgres)

    signal_all(postgres.folder, signal.SIGKILL)
    wait_until(lambda: not postgres.alive())
    postgres.start()

    assert rows(postgres) == 1


def test_a_killed_owner_takes_its_server_along(tmp_path: Path) -> None:
    owner = owner_of(tmp_path / "data")

    owner.kill()
    owner.wait()

    wait_until(lambda: not processes.living(tmp_path / "data" / "postgres"))
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        assert rows(postgres) == 1


def test_an_orphan_is_ended_and_started_again(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "postgres"
    owner = owner_of(tmp_path / "data")
    head = processes.postmaster(folder)
    assert head is not None
    os.kill(head, signal.SIGSTOP)  # so that it does not follow its owner
    owner.kill()
    owner.wait()
    assert head in processes.living(folder)

    os.kill(head, signal.SIGCONT)
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        assert rows(postgres) == 1
        assert head not in processes.living(folder)


def test_a_stopped_orphan_is_ended_too(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "postgres"
    owner = owner_of(tmp_path / "data")
    signal_all(folder, signal.SIGSTOP)
    owner.kill()
    owner.wait()

    processes.end_all(folder, fast=0.2, immediate=0.2)

    assert not processes.living(folder)
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        assert rows(postgres) == 1


def test_a_lock_file_that_names_another_program_does_not_stop_a_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with EmbeddedPostgres(data) as postgres:
        lock = (postgres.folder / "postmaster.pid").read_text().split("\n", 1)[1]
        folder = postgres.folder
    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n{lock}")

    with EmbeddedPostgres(data) as postgres:
        assert postgres.alive()


def test_slow_recovery_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    postgres = EmbeddedPostgres(tmp_path / "data", waiting=waited.append)
    postgres.start()
    head = processes.postmaster(postgres.folder)
    assert head is not None
    answers = iter([False] * 70)
    ready = postgres._answers
    monkeypatch.setattr(postgres, "_answers", lambda: next(answers, True) and ready())
    os.kill(head, signal.SIGKILL)
    wait_until(lambda: not postgres.alive())

    postgres.start()

    assert len(waited) >= 1
    assert postgres.alive()
    postgres.stop()


def test_a_stop_leaves_no_process_and_no_lock(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        assert processes.living(postgres.folder)

    assert processes.living(postgres.folder) == set()
    assert postgres.owner() is None
    assert not (postgres.folder / "postmaster.pid").exists()


def test_a_folder_too_deep_for_a_socket_is_served_all_the_same(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / ("long" * 25) / "data") as postgres:
        write(postgres)
        assert rows(postgres) == 1
        socket = Path(postgres.url.partition("host=")[2].replace("%2F", "/"))

    assert not socket.exists()


def test_a_kill_while_the_cluster_is_made_leaves_a_folder_that_works(tmp_path: Path) -> None:
    half = tmp_path / "data" / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(tmp_path / "data") as postgres:
        assert postgres.alive()
    assert not half.exists()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data" / "postgres").mkdir(parents=True)
    (tmp_path / "data" / "postgres" / "letters.txt").write_text("mine")

    with pytest.raises(EmbeddedError, match="something that is no Postgres cluster; name another"):
        EmbeddedPostgres(tmp_path / "data").start()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"did not start in .*max_connections"):
        EmbeddedPostgres(tmp_path / "data", settings={"max_connections": "many"}).start()

    with EmbeddedPostgres(tmp_path / "data") as postgres:
        assert postgres.alive()


def owner_of(data: Path) -> subprocess.Popen[str]:
    """A process that owns a server in ``data`` with one committed row."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(data)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        assert owner.stdout.readline() == "written\n"
    return owner


def signal_all(folder: Path, number: signal.Signals) -> None:
    for pid in processes.living(folder):
        with suppress(ProcessLookupError):  # a backend whose client has just gone
            os.kill(pid, number)


def write(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("create table written (n int)")
        connection.execute("insert into written values (1)")


def rows(postgres: EmbeddedPostgres) -> int:
    with psycopg.connect(postgres.url) as connection:
        row = connection.execute("select count(*) from written").fetchone()
        assert row is not None
        return int(row[0])
