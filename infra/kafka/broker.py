"""One real Kafka broker (KRaft, one node), for development and for the tests.

Formatted and started in about 1.3 s: C1 and the serial collector start quickest, and a class-data archive,
which the first broker of a JDK writes when it is stopped in order, halves the rest.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.kafka.jars import HERE, HOW_TO_GET_ONE, LIBS, archive, are_here
from infra.kafka.metadata import cluster_id_at, free_port

_JVM = (
    "-Xms32m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xshare:auto",
)
_VERSION = re.compile(r"Kafka version: (\S+)")


class BrokerError(Exception):
    """The broker does not start; the message says why and what helps."""


class Broker:
    """A broker whose data live in ``folder``; its ports stay the same over restarts.

    Start it from a thread that lives on: it is killed when the thread that started it ends, so that none
    outlives its test. ``settings`` are laid over those of ``server.properties``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.cluster_id = ""
        self._controller_port = free_port()
        self.settings = dict(settings or {})
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    @property
    def bootstrap(self) -> str:
        """Where clients connect, as ``host:port``."""
        return f"127.0.0.1:{self.port}"

    @property
    def listeners(self) -> str:
        """What it listens on, as its settings name it."""
        return f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller_port}"

    @property
    def pid(self) -> int | None:
        """The process, while one runs."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def version(self) -> str:
        """The version that the running broker gives itself."""
        found = _VERSION.search(self.log.read_text(errors="replace"))
        if found is None:
            raise BrokerError(f"the broker has not said its version; see {self.log}")
        return found[1]

    @property
    def log(self) -> Path:
        """What the broker says."""
        return self.folder / "broker.log"

    def start(self, *, timeout: float = 60.0) -> None:
        """Format an empty folder, start, and wait until the broker answers with our cluster's id.

        An open port would not prove it: another broker may hold it.
        """
        if not are_here():
            raise BrokerError(HOW_TO_GET_ONE)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_properties()
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()
        self.cluster_id = self._formatted_id()
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self._java("kafka.Kafka", "server.properties")],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + timeout
        while cluster_id_at(self.port) != self.cluster_id:
            if self.pid is None:
                raise BrokerError(f"Kafka did not start: {self._last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise BrokerError(f"Kafka did not answer within {timeout:.0f} s; see {self.log}")
            time.sleep(0.02)

    def stop(self, *, timeout: float = 20.0) -> None:
        """End it in order (SIGTERM)."""
        if self._child is not None:
            self._child.terminate()
            self._child.wait(timeout)
            if self._fresh_archive.exists():
                self._fresh_archive.rename(archive())

    def kill(self) -> None:
        """End it at once (SIGKILL). What it acknowledged stands in the page cache and survives."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def freeze(self) -> None:
        """SIGSTOP: the port stays open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Kill it and forget everything it held; the next start is another cluster on the same port."""
        self.kill()
        shutil.rmtree(self.folder / "data", ignore_errors=True)

    @property
    def _fresh_archive(self) -> Path:
        return archive().with_suffix(f".{self.port}")

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            self._child.send_signal(number)

    def _java(self, main: str, *arguments: str) -> list[str]:
        flags = list(_JVM)
        if archive().exists():
            flags.append(f"-XX:SharedArchiveFile={archive()}")
        elif main == "kafka.Kafka":
            flags.append(f"-XX:ArchiveClassesAtExit={self._fresh_archive}")
        log4j = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
        return ["java", *flags, log4j, "-cp", f"{LIBS}/*", main, *arguments]

    def _write_properties(self) -> None:
        own = {
            "listeners": self.listeners,
            "advertised.listeners": self.listeners,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "log.dirs": "data",
        } | self.settings
        lines = "".join(f"{name}={value}\n" for name, value in own.items())
        (self.folder / "server.properties").write_text((HERE / "server.properties").read_text() + lines)

    def _format(self) -> None:
        fresh = base64.urlsafe_b64encode(b"\0" + os.urandom(15)).decode().rstrip("=")
        storage = self._java("kafka.tools.StorageTool", "format", "--standalone", "-t", fresh)
        done = subprocess.run([*storage, "-c", "server.properties"], cwd=self.folder, capture_output=True, check=False)
        if done.returncode != 0:
            raise BrokerError(f"Kafka's folder could not be formatted: {done.stderr.decode()[-500:]}")

    def _formatted_id(self) -> str:
        for line in (self.folder / "data" / "meta.properties").read_text().splitlines():
            if line.startswith("cluster.id="):
                return line.partition("=")[2]
        raise BrokerError(f"{self.folder} is not a formatted folder of Kafka; remove it")

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "; ".join(lines[-3:]) or "its log is empty"
