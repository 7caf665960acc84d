"""The cluster as compose.yml and the systemd units start it: their commands run here as they stand."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from infra.kafka.broker import Broker
from infra.kafka.metadata import free_port
from tests.examples.campaigns import minimal
from tests.infra.cluster_files import INFRA, command, compose, units
from tests.plugins.broker import to_be_had
from tests.plugins.databases import Server

PROCESSES = ("api", "relay", "projector", "worker")


def test_compose_and_systemd_start_the_same_processes() -> None:
    by_compose = {service["command"][-1] for service in compose().values() if service["image"] == "ballyhoo"}
    by_systemd = {command(unit)[-1] for unit in units().values()}

    assert by_compose == by_systemd == {*PROCESSES, "migrate"}


def test_every_process_waits_for_the_migration() -> None:
    for name in PROCESSES:
        assert compose()[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    for name, unit in units().items():
        if name != "ballyhoo-migrate.service":
            assert unit["Unit"]["Requires"] == "ballyhoo-migrate.service"
            assert "ballyhoo-migrate.service" in unit["Unit"]["After"]


def test_systemd_finds_nothing_to_complain_of() -> None:
    analyze = shutil.which("systemd-analyze")
    files = sorted(str(path) for path in (INFRA / "systemd").iterdir())
    if analyze is None:
        assert all(command(unit) for unit in units().values())
        return

    said = subprocess.run([analyze, "verify", *files], capture_output=True, text=True, check=False)

    assert [line for line in (said.stdout + said.stderr).splitlines() if str(INFRA / "systemd") in line] == []


@pytest.mark.kafka
@pytest.mark.req("OPS-2", "EVT-9")
@pytest.mark.parametrize("by", ["compose", "systemd"])
def test_the_commands_bring_up_a_cluster_fed_by_kafka(by: str, server: Server, tmp_path: Path) -> None:
    to_be_had()
    environment, commands = as_compose_says() if by == "compose" else as_systemd_says()
    database = server.create()
    with ExitStack() as stack:
        stack.callback(server.drop, database)
        broker = stack.enter_context(Broker(tmp_path / "kafka", settings=broker_settings()))
        port = free_port()
        environment |= {
            "BALLYHOO_DATABASE_URL": server.database(database),
            "BALLYHOO_KAFKA": broker.bootstrap,
            "BALLYHOO_HOST": "127.0.0.1",
            "BALLYHOO_PORT": str(port),
        }
        said = subprocess.run(
            commands["migrate"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        lines = said.stdout.splitlines()
        key = lines[lines.index("The owner's API key of the workspace default:") + 1]
        for name in PROCESSES:
            stack.enter_context(running(commands[name], environment, tmp_path))
        wait_for(lambda: get(port, "/health/ready")[0] == 200)

        made, position = post(port, "/v1/campaigns", key, minimal())
        status, listed = get(port, f"/v1/campaigns?after={position}&wait=30", key)

        assert status == 200
        assert [campaign["id"] for campaign in listed["items"]] == [made["id"]]
        projections = get(port, "/v1/projections", key)[1]["items"]
        assert {projection["source"] for projection in projections} == {"kafka"}


def as_compose_says() -> tuple[dict[str, str], dict[str, list[str]]]:
    """Environment and command of each process in compose.yml."""
    services = compose()
    return in_our_path(services["api"]["environment"]), {
        name: services[name]["command"] for name in (*PROCESSES, "migrate")
    }


def as_systemd_says() -> tuple[dict[str, str], dict[str, list[str]]]:
    """Environment and command of each process in the units; only the folder of the programs is another."""
    return in_our_path({}), {command(unit)[-1]: command(unit) for unit in units().values()}


def in_our_path(environment: Mapping[str, Any]) -> dict[str, str]:
    """An environment in which ``ballyhoo`` is this one."""
    folder = Path(sys.executable).parent
    return {"PATH": f"{folder}:{os.defpath}"} | {name: str(value) for name, value in environment.items()}


def broker_settings() -> dict[str, str]:
    """The broker's settings in compose.yml that do not name a host, a port or a folder."""
    ours = {"LISTENERS", "ADVERTISED_LISTENERS", "CONTROLLER_QUORUM_VOTERS", "LOG_DIRS"}
    said = compose()["kafka"]["environment"]
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in said.items()
        if name.startswith("KAFKA_") and name.removeprefix("KAFKA_") not in ours
    }


@contextmanager
def running(command: Sequence[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    """A process until the block ends; it must end well when asked to."""
    with (folder / f"{command[-1]}.log").open("wb") as log:
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) in (0, -signal.SIGTERM)


def get(port: int, path: str, key: str = "") -> tuple[int, Any]:
    """Status and answer; 0 while nobody answers."""
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {key}"})) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, None


def post(port: int, path: str, key: str, body: dict[str, Any]) -> tuple[Any, str]:
    """The answer and the position that it names."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urlopen(Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers)) as answer:
        return json.load(answer), answer.headers["Ballyhoo-Position"]


def wait_for(reached: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not reached within {seconds:.0f} s"
        time.sleep(0.1)
