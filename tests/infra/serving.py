"""``ballyhoo serve`` as a user starts it: a process on a folder and a free port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.ask import Api, NoAnswer
from infra.settings import PREFIX
from tests.waiting import wait_until

COMMAND = [sys.executable, "-m", "infra.cli"]


def free_port() -> int:
    """A port of the loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """Ours without any of Ballyhoo's settings but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return kept | {PREFIX + name.upper(): value for name, value in settings.items()}


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the command line to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Serving:
    """A running ``ballyhoo serve``; what it writes goes to files beside the folder."""

    def __init__(self, data: Path, *, port: int | None = None, **settings: str) -> None:
        self.data = data
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._said = data.with_name(data.name + ".out")
        self._logged = data.with_name(data.name + ".err")
        with self._said.open("w") as out, self._logged.open("w") as err:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--data", str(data), "--port", str(self.port)],
                env=environment(**settings), stdout=out, stderr=err, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def __enter__(self) -> Self:
        try:
            wait_until(lambda: "answers at" in self.said or self.process.poll() is not None, seconds=60)
            assert self.process.poll() is None
        except AssertionError:
            self.stop()
            raise AssertionError(self.logged) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def said(self) -> str:
        """Standard output so far."""
        return self._said.read_text()

    @property
    def logged(self) -> str:
        """Standard error so far."""
        return self._logged.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, wait, and give its status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)

    def ready(self) -> tuple[int, Any]:
        """What /health/ready says; (0, "") where nothing answers."""
        try:
            with Api(self.url, timeout=10.0) as api:
                return api.get("/health/ready")
        except NoAnswer:
            return 0, ""

    def pids(self) -> dict[str, int]:
        """The running processes of the folder but Postgres's, by kind; the supervisor is ``serve``."""
        found = {}
        for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
            words = _words(pid)
            if "infra.cli" in words and f"{PREFIX}DATA={self.data}" in _variables(pid):
                found[words[words.index("infra.cli") + 1]] = pid
        if self.process.poll() is None:
            found["serve"] = self.process.pid
        return found


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _variables(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []
