"""The real product for tests over HTTP: its own processes against one database, started one by one."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from adapters.event_store.workspaces import make_key
from infra.database import bring_up
from tests.infra.serving import free_port
from tests.support.client import Client, NoReply
from tests.support.older_build import OURS, Build
from tests.waiting import wait_until

PATIENCE = 60.0


class Running:
    """One process of the product, and the file into which it logs."""

    def __init__(self, command: Sequence[str], log: Path, settings: Mapping[str, str], build: Build = OURS) -> None:
        self.log = log
        with log.open("a") as output:
            self.process = subprocess.Popen(
                [build.python, "-m", *command],
                cwd=build.root,
                env=build.environment() | dict(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self) -> None:
        """SIGTERM, and wait; also for one that was stopped with SIGSTOP."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.log} did not stop within {PATIENCE:.0f} s") from None

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far: the lines that are JSON, without one that is just being written."""
        whole, _, _ = self.log.read_text().rpartition("\n")
        # Not splitlines: a path that somebody asked for may hold what Python takes for the end of a line.
        return [json.loads(line) for line in whole.split("\n") if line.startswith("{")]


class Api(Running):
    """One api process."""

    def __init__(
        self, command: Sequence[str], log: Path, settings: Mapping[str, str], port: int, build: Build = OURS
    ) -> None:
        super().__init__([*command, "api", "--port", str(port)], log, settings, build)
        self.url = f"http://127.0.0.1:{port}"


class Product:
    """The processes of a build on the database ``dsn``, which it migrates; logs go to ``folder``."""

    def __init__(self, dsn: str, folder: Path, build: Build = OURS) -> None:
        self.dsn = dsn
        self.folder = folder
        self.build = build
        self._started: list[Running] = []
        if build == OURS:
            bring_up(dsn, None, lambda key: None)
        else:
            build.run("migrate", database_url=dsn)

    def api(self, *, program: Sequence[str] | None = None, **settings: str) -> Api:
        """Start an api process, and wait until it answers. ``settings`` are environment variables."""
        api = Api(program or (self.build.program,), self._log("api"), self._settings(settings), free_port(), self.build)
        self._started.append(api)
        wait_until(lambda: _lives(api), PATIENCE)
        return api

    def projector(self, *, program: Sequence[str] | None = None, **settings: str) -> Running:
        """Start a projector."""
        return self._start("projector", program, settings)

    def worker(self, *, program: Sequence[str] | None = None, **settings: str) -> Running:
        """Start a worker."""
        return self._start("worker", program, settings)

    def relay(self, *, program: Sequence[str] | None = None, **settings: str) -> Running:
        """Start a relay; ``BALLYHOO_KAFKA`` must be among the settings."""
        return self._start("relay", program, settings)

    def key(self, workspace: str | None = None) -> str:
        """An owner's key of a workspace, a new one where none is named."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return make_key(connection, workspace or f"workspace-{uuid4()}", "owner")

    def key_by_command(self, workspace: str) -> str:
        """The same, made by the build's own command line."""
        return self.build.run("key", "create", "--workspace", workspace, "--role", "owner", database_url=self.dsn)[-1]

    @property
    def running(self) -> list[Running]:
        """What was started here, in its order."""
        return list(self._started)

    def client(self, api: Api, workspace: str | None = None) -> Client:
        """A user of a workspace, a new one where none is named."""
        return Client(api.url, self.key(workspace))

    def stop(self) -> None:
        """Stop whatever was started here."""
        for running in self._started:
            running.signal(signal.SIGCONT)
            running.signal(signal.SIGTERM)
        for running in self._started:
            running.stop()
        self._started.clear()

    def _start(self, kind: str, program: Sequence[str] | None, settings: Mapping[str, str]) -> Running:
        command = [*(program or (self.build.program,)), kind]
        running = Running(command, self._log(kind), self._settings(settings), self.build)
        self._started.append(running)
        return running

    def _settings(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"BALLYHOO_DATABASE_URL": self.dsn, "PYTHONPATH": str(self.build.root), **more}

    def _log(self, kind: str) -> Path:
        return self.folder / f"{kind}-{len(self._started)}.log"


@contextmanager
def product(dsn: str, folder: Path, build: Build = OURS) -> Iterator[Product]:
    """The product without a process yet; all that is started in the block is stopped at its end."""
    made = Product(dsn, folder, build)
    try:
        yield made
    finally:
        made.stop()


def ready(api: Api) -> bool:
    """Whether every part works."""
    try:
        return Client(api.url, None).get("/health/ready").status == 200
    except NoReply:
        return False


def _lives(api: Api) -> bool:
    assert api.process.poll() is None, api.log.read_text()[-4000:]
    try:
        return Client(api.url, None).get("/health/live").status == 200
    except NoReply:
        return False
