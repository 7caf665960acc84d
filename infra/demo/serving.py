"""``ballyhoo serve`` on a folder, for as long as a block lasts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.ask import Api, NoAnswer

_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0


class DoesNotServe(Exception):
    """``ballyhoo serve`` did not become ready; the message holds its last words."""


@dataclass(frozen=True)
class Served:
    """Where the product answers, and the owner's key."""

    url: str
    key: str


@contextmanager
def serving(data: Path, log: Path) -> Iterator[Served]:
    """Run it on a free port, its output in ``log``, and stop it cleanly at the end. DoesNotServe."""
    port = _free_port()
    command = [sys.executable, "-P", "-m", "infra.cli", "serve"]
    options = ["--data", str(data), "--host", "127.0.0.1", "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BALLYHOO_")}
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, *options], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
            start_new_session=True,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, url, log)
        yield Served(url, (data / "owner.key").read_text().strip())
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DoesNotServe(f"ballyhoo serve ended with status {process.returncode}: {_last_words(log)}")
        try:
            with Api(url, timeout=2.0) as api:
                if api.get("/health/ready")[0] == 200:
                    return
        except NoAnswer:
            pass
        time.sleep(0.05)
    raise DoesNotServe(f"ballyhoo serve was not ready within {_READY_SECONDS:.0f} s: {_last_words(log)}")


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
