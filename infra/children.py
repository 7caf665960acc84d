"""A process that is kept running: started, started again when it dies, later each time, and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

import structlog

log = structlog.get_logger("supervisor")

FIRST_WAIT = 0.1
LONGEST_WAIT = 5.0
STEADY_AFTER = 20.0
"""Seconds of life after which a death counts as the first again."""


class Child:
    """One process, started by ``command``. Every start has a new id, which the process finds in its
    environment.

    ``gone`` is called with the id of one that died. The kernel kills the process when we end without stopping
    it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        inherit: Sequence[int] = (),
        gone: Callable[[int], None] = lambda pid: None,
    ) -> None:
        self.name = name
        self._command = [set_priv(), "--pdeathsig", "KILL", *command]
        self._environment = dict(environment or {})
        self._inherit = tuple(inherit)
        self._gone = gone
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._wait = FIRST_WAIT
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def keep_running(self) -> None:
        """Start what is not running, unless it died a moment ago. Never waits."""
        now = time.monotonic()
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return
            self._mourn(self._process.pid, status, now)
        if now >= self._not_before:
            self._start(now)

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stopped_by(self, deadline: float) -> bool:
        """Wait until ``deadline`` (monotonic seconds) for the end, then kill. Whether it ended by itself."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            log.warning("child_killed", child=self.name, pid=self._process.pid)
            return False
        return True

    def _start(self, now: float) -> None:
        environment = os.environ | self._environment
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            env=environment,
            pass_fds=self._inherit,
            start_new_session=True,
        )
        self._started = now
        log.info("child_started", child=self.name, child_pid=self._process.pid)

    def _mourn(self, pid: int, status: int, now: float) -> None:
        if now - self._started > STEADY_AFTER:
            self._wait = FIRST_WAIT
        log.warning("child_died", child=self.name, child_pid=pid, status=status, again_in_seconds=self._wait)
        self._not_before = now + self._wait
        self._wait = min(self._wait * 2, LONGEST_WAIT)
        self._process = None
        self._gone(pid)


def set_priv() -> str:
    """The program that has the kernel kill a child with its parent."""
    found = shutil.which("setpriv")
    if found is None:
        raise FileNotFoundError("The program setpriv is missing (package util-linux).")
    return found
