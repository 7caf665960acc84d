"""``ballyhoo serve``: ready soon, stopped without trace, and back after every kind of kill."""

from __future__ import annotations

import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.postgres import processes
from tests.infra.serving import Serving, run
from tests.waiting import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.req("OPS-2")]

CHILDREN = {"api", "projector", "worker"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("served") / "data") as serving:
        yield serving


@pytest.fixture
def serving(running: Serving) -> Serving:
    """One that several tests share; each finds it ready, whatever the last one killed."""
    wait_until(lambda: running.ready()[0] == 200)
    return running


def test_a_first_start_is_ready_within_ten_seconds_and_tells_the_key_once(tmp_path: Path) -> None:
    began = time.monotonic()
    with Serving(tmp_path / "data") as serving:
        assert time.monotonic() - began < 10
        assert serving.ready()[0] == 200
        key = (serving.data / "owner.key").read_text().strip()
        assert stat.S_IMODE((serving.data / "owner.key").stat().st_mode) == 0o600
        assert key in serving.said.splitlines()

    with Serving(tmp_path / "data") as again:
        assert key not in again.said + again.logged
        assert (again.data / "owner.key").read_text().strip() == key


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_no_process_of_the_folder(tmp_path: Path, number: signal.Signals) -> None:
    with Serving(tmp_path / "data") as serving:
        assert serving.pids().keys() >= CHILDREN

        assert serving.stop(number) == 0

        assert serving.pids() == {}
        assert processes.living(serving.data / "postgres") == set()
        assert not (serving.data / "address").exists()
        assert "Traceback" not in serving.logged


def test_a_child_that_hangs_is_ended_all_the_same(tmp_path: Path) -> None:
    with Serving(tmp_path / "data") as serving:
        os.kill(serving.pids()["worker"], signal.SIGSTOP)

        assert serving.stop() == 0

        assert serving.pids() == {}


@pytest.mark.req("OPS-5")
def test_a_killed_child_is_started_again_and_ready_says_so_meanwhile(serving: Serving) -> None:
    before = serving.pids()

    os.kill(before["projector"], signal.SIGKILL)

    wait_until(lambda: serving.ready()[0] == 503)
    wait_until(lambda: serving.ready()[0] == 200)
    after = serving.pids()
    assert after["projector"] != before["projector"]
    assert {name: after[name] for name in ("api", "worker")} == {name: before[name] for name in ("api", "worker")}


def test_a_call_waits_while_the_api_is_started_again(serving: Serving) -> None:
    os.kill(serving.pids()["api"], signal.SIGKILL)

    assert serving.ready()[0] in {200, 503}
    wait_until(lambda: serving.ready()[0] == 200)


def test_a_killed_postgres_is_started_again(serving: Serving) -> None:
    head = processes.postmaster(serving.data / "postgres")
    assert head is not None

    os.kill(head, signal.SIGKILL)

    wait_until(lambda: processes.postmaster(serving.data / "postgres") not in {head, None})
    wait_until(lambda: serving.ready()[0] == 200)


def test_a_killed_supervisor_takes_its_children_along_and_the_next_start_recovers(tmp_path: Path) -> None:
    with Serving(tmp_path / "data") as serving:
        serving.process.kill()
        serving.process.wait()

        wait_until(lambda: serving.pids() == {})
        wait_until(lambda: not processes.living(serving.data / "postgres"))
    with Serving(tmp_path / "data", port=serving.port) as again:
        assert again.ready()[0] == 200


def test_everything_killed_at_once_is_recovered_from_at_the_next_start(tmp_path: Path) -> None:
    with Serving(tmp_path / "data") as serving:
        for pid in [*serving.pids().values(), *processes.living(serving.data / "postgres")]:
            with suppress(ProcessLookupError):  # some follow the supervisor by themselves
                os.kill(pid, signal.SIGKILL)
        serving.process.wait()
    with Serving(tmp_path / "data", port=serving.port) as again:
        assert again.ready()[0] == 200


def test_a_second_start_on_one_folder_says_so_in_a_sentence(serving: Serving) -> None:
    second = run("serve", "--data", str(serving.data))

    assert second.returncode == 1
    assert second.stderr.splitlines()[-1] == (
        f"ballyhoo: {serving.data} is in use by process {serving.process.pid}; stop that one, or name another folder."
    )
    assert serving.ready()[0] == 200


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        started = run("serve", "--data", str(tmp_path / "data"), "--port", str(port))

    assert started.returncode == 1
    assert started.stderr.splitlines()[-1] == (
        f"ballyhoo: Nothing can listen on 127.0.0.1:{port}: Address already in use."
    )
    assert processes.living(tmp_path / "data" / "postgres") == set()


def test_the_owners_key_is_the_one_that_is_set(tmp_path: Path) -> None:
    with Serving(tmp_path / "data", owner_key="k" * 32) as serving:
        assert (serving.data / "owner.key").read_text() == "k" * 32 + "\n"


def test_errands_on_a_served_folder_go_through_its_server(serving: Serving) -> None:
    made = run("key", "create", "--workspace", "other", "--role", "owner", "--data", str(serving.data))
    healthy = run("health", "--data", str(serving.data))
    migrated = run("migrate", "--data", str(serving.data))

    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1].startswith("bh_")
    assert healthy.returncode == 0, healthy.stderr
    assert migrated.stdout == "The database is up to date.\n"


def test_a_postgres_that_is_killed_while_it_starts_is_started_again(tmp_path: Path) -> None:
    with Serving(tmp_path / "data") as first:
        url = first.url
    pid_file = tmp_path / "data" / "postgres" / "postmaster.pid"
    killed: set[int] = set()

    def kill_another() -> bool:
        with suppress(OSError, ValueError):
            pid = int(pid_file.read_text().split("\n", 1)[0])
            if pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        return len(killed) == 3

    with Serving(tmp_path / "data", port=int(url.rpartition(":")[2])) as again:
        wait_until(kill_another, 60)
        wait_until(lambda: again.ready()[0] == 200, 60)
