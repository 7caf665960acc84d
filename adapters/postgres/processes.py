"""Which processes of a cluster live, and ending them: read from /proc, so a zombie counts as dead."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def living(folder: Path) -> set[int]:
    """The pids of every Postgres process of the cluster in ``folder``: postmaster, backends, helpers.

    Every one of them has the cluster's folder as its working directory; nothing else has, but a shell that
    stands there, so the program's name is asked too.
    """
    wanted = os.path.realpath(folder)
    return {
        pid
        for pid in _pids()
        if _working_directory(pid) == wanted and _is_postgres(pid) and not _is_zombie(pid)
    }


def postmaster(folder: Path) -> int | None:
    """The pid that the cluster's lock file names; it may be dead or anybody's by now."""
    try:
        return int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def end_all(folder: Path, *, fast: float = 10.0, immediate: float = 5.0) -> None:
    """End every process of the cluster: a fast shutdown, then an immediate one, then SIGKILL.

    ``fast`` and ``immediate`` are the seconds each of the first two may take. Committed work survives all
    three.
    """
    head = postmaster(folder)
    if head in living(folder):
        _signal({head}, signal.SIGINT)
        if _wait_until_gone(folder, fast):
            return
    _signal(living(folder), signal.SIGQUIT)
    if _wait_until_gone(folder, immediate):
        return
    while left := living(folder):
        _signal(left, signal.SIGKILL)
        time.sleep(0.02)


def forget_dead_postmaster(folder: Path, socket: Path) -> None:
    """Remove the socket and the lock files that a dead cluster left, called only when no process of the
    cluster lives.

    Postgres would take a pid in them for alive that is a zombie or another program's by now. The cluster's
    own lock file stays where its pid is nobody's: it leads Postgres to shared memory that it must look at
    first.
    """
    for left in socket.glob(".s.PGSQL.5432*"):
        left.unlink(missing_ok=True)
    head = postmaster(folder)
    if head is not None and Path(f"/proc/{head}").exists():
        (folder / "postmaster.pid").unlink(missing_ok=True)


def _wait_until_gone(folder: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while living(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _working_directory(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def _is_postgres(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return False


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except (OSError, IndexError):
        return True
