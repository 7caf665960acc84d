"""``ballyhoo serve``: a Postgres in a folder and the same processes that a cluster runs, as children of one.

A child that dies is started again; a Postgres that dies too. SIGTERM and ctrl-C stop the children first and
then Postgres. Where this process is killed, the kernel ends the children and tells Postgres to shut down; the
next start clears what is left.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from types import FrameType

import psycopg
import structlog

from adapters.postgres.embedded import EmbeddedError, EmbeddedPostgres
from adapters.postgres.heartbeat import forget_all, forget_dead
from infra.ask import Api, NoAnswer
from infra.children import Child
from infra.database import NotReachable
from infra.settings import PREFIX, Settings

log = structlog.get_logger("supervisor")

KINDS = ("api", "projector", "worker")
STOP_SECONDS = 8.0
LOOK_EVERY = 0.05
ATTEMPTS = 5


class CannotListen(Exception):
    """The address is taken, or is none of this machine's; the message says which."""


class Stopped(Exception):
    """A signal came while something was being waited for."""


class Supervisor:
    """Runs everything in ``settings.data`` until it is told to stop.

    ``bring_up`` gets the database's URL once Postgres answers and makes it ready for the children; ``ready``
    gets the API's address once all of it works.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        bring_up: Callable[[str], None],
        ready: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._bring_up = bring_up
        self._ready = ready
        self._kinds = (*KINDS, "relay") if settings.kafka else KINDS
        self._stop = threading.Event()
        self._postgres = EmbeddedPostgres(settings.data, waiting=self._recovering)
        self._children: list[Child] = []

    def run(self) -> None:
        """Start, watch, stop. EmbeddedError or CannotListen where it cannot start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        try:
            with self._postgres, self._listening() as listener:
                self._make_ready()
                self._children = [self._child(kind, listener) for kind in self._kinds]
                self._watch()
        except Stopped:
            pass
        log.info("stopped")

    def _make_ready(self) -> None:
        """Bring the database up; where Postgres is killed meanwhile, once more."""
        for attempt in range(ATTEMPTS):
            try:
                self._bring_up(self._postgres.url)
                forget_all(self._postgres.url)
            except (NotReachable, psycopg.OperationalError):
                if attempt == ATTEMPTS - 1 or self._stop.wait(0.2):
                    raise
                self._keep_postgres_running()
            else:
                return

    def _watch(self) -> None:
        announced = False
        try:
            while not self._stop.is_set():
                self._keep_postgres_running()
                for child in self._children:
                    child.keep_running()
                if not announced:
                    announced = self._announced()
                self._stop.wait(LOOK_EVERY)
        finally:
            self._stop_children()
            self._address_file.unlink(missing_ok=True)

    def _keep_postgres_running(self) -> None:
        if self._postgres.alive():
            return
        log.warning("postgres_died")
        try:
            self._postgres.start()
        except EmbeddedError as error:  # a full disk, say; what was acknowledged is safe, so try again
            log.error("postgres_does_not_start", reason=str(error))
            self._stop.wait(1.0)

    def _stop_children(self) -> None:
        for child in self._children:
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children:
            child.stopped_by(deadline)

    def _child(self, kind: str, listener: socket.socket) -> Child:
        command = [sys.executable, "-P", "-m", "infra.cli", kind]
        if kind == "api":
            command += ["--listener", str(listener.fileno())]
        return Child(
            kind,
            command,
            environment={
                f"{PREFIX}DATABASE_URL": self._postgres.url,
                f"{PREFIX}DATA": str(self._postgres.data),
                f"{PREFIX}HOST": self._settings.host,
                f"{PREFIX}PORT": str(self._settings.port),
            },
            inherit=[listener.fileno()] if kind == "api" else [],
            gone=partial(forget_dead, self._postgres.url),
        )

    def _listening(self) -> AbstractContextManager[socket.socket]:
        """The socket on which the API answers. It stays open while an API process is replaced: calls wait."""
        host, port = self._settings.host, self._settings.port
        for attempt in range(20):  # children of a supervisor that was killed may be about to end
            try:
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                return closing(socket.create_server((host, port), family=family, backlog=2048))
            except OSError as error:
                why = str(error.strerror).partition(" (while")[0]
                if attempt == 19 or self._stop.wait(0.1):
                    raise CannotListen(f"Nothing can listen on {host}:{port}: {why}.") from error
        raise AssertionError("unreachable")

    def _answers_ready(self) -> bool:
        """Whether everything works. What was left over may still be folded: that is work, and says so itself."""
        try:
            with Api(self._url, timeout=1.0) as api:
                status, answer = api.get("/health/ready")
                return status == 200 or (isinstance(answer, dict) and answer.get("problems", {}).keys() == {"lag"})
        except NoAnswer:
            return False

    def _announced(self) -> bool:
        if not self._answers_ready():
            self._stop.wait(0.1)
            return False
        self._address_file.write_text(self._url + "\n")
        log.info("ready", url=self._url)
        self._ready(self._url)
        return True

    @property
    def _url(self) -> str:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"http://{host}:{self._settings.port}"

    @property
    def _address_file(self) -> Path:
        return self._postgres.data / "address"

    def _told_to_stop(self, number: int, frame: FrameType | None) -> None:
        # In a thread: this runs in the main one, which may just hold the event's lock, and would wait for itself.
        threading.Thread(target=self._stop.set).start()

    def _recovering(self, seconds: float) -> None:
        log.info("postgres_recovering", seconds=round(seconds))
        if self._stop.is_set():
            raise Stopped
