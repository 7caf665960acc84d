"""One process of the product that is killed again and again, and started again each time.

They are forked from a server that has imported the product already: with two cores and a kill every second, imports
would take all the time that there is.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from infra.children import set_priv
from tests.faults import child
from tests.faults.mortality import die_with_the_parent
from tests.support.older_build import Build

AGAIN_AFTER = 0.3
"""Seconds after which one that ended by itself is started again."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.faults.preloaded"])


class Process:
    """Ends, however the harness does. All its lives log into ``log``; ``older`` names the build of the next one, None
    this one."""

    def __init__(self, kind: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.kind = kind
        self.log = log
        self.older: Build | None = None
        self.not_before = 0.0
        self._arguments = (["ballyhoo", kind, *arguments], str(log), dict(environment))
        self._process: ForkServerProcess | _Older | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs, or is stopped."""
        return self._process is not None and self._process.is_alive()

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self._process.pid if self._process is not None else None

    @property
    def finished(self) -> bool:
        """Whether it ended by itself, and well."""
        return self._process is not None and self._process.exitcode == 0

    def keep_running(self) -> None:
        """Start it where it does not run and its time has come; an end of its own is paid with a pause."""
        if self.alive:
            return
        if self._process is not None:
            self._process = None
            self.not_before = max(self.not_before, time.monotonic() + AGAIN_AFTER)
        if time.monotonic() >= self.not_before:
            self._process = self._started()

    def _started(self) -> ForkServerProcess | _Older:
        if self.older is not None:
            return _Older(self.older, *self._arguments)
        process = _context.Process(target=_live, args=self._arguments)
        process.start()
        return process

    def kill(self, *, down: float) -> bool:
        """SIGKILL, and no start for so many seconds. Whether there was something to kill."""
        there = self.alive
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        self.not_before = time.monotonic() + down
        return there

    def signal(self, number: signal.Signals) -> None:
        """Signal it, if it is there."""
        if self.alive and self._process is not None and self._process.pid is not None:
            os.kill(self._process.pid, number)


class _Older:
    """A life as another build, with no lies told to it: started, because nothing has imported that one's code."""

    def __init__(self, build: Build, command: Sequence[str], log: str, environment: Mapping[str, str]) -> None:
        mortal = [set_priv(), "--pdeathsig", "KILL", *build.command(*command[1:])]
        own = {**environment, "PYTHONPATH": str(build.root)}
        with open(log, "ab") as output:
            self._child = subprocess.Popen(
                mortal, cwd=build.root, env=own, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self.pid = self._child.pid

    @property
    def exitcode(self) -> int | None:
        return self._child.poll()

    def is_alive(self) -> bool:
        return self._child.poll() is None

    def kill(self) -> None:
        self._child.kill()

    def join(self) -> None:
        self._child.wait()


def _live(command: list[str], log: str, environment: dict[str, str]) -> None:
    """The life of the forked process."""
    die_with_the_parent()
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    child.main()
