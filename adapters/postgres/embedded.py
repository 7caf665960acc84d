"""Postgres as a child of ours, in a folder: started, waited for, taken over after a crash, stopped.

    with EmbeddedPostgres(Path("ballyhoo-data")) as postgres:
        psycopg.connect(postgres.url)

One process owns the folder, by a lock that the kernel lets go when that process ends in whatever way. Whoever
holds the lock may end every server it finds there: it is an orphan.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg.pq import PGconn, Ping

from adapters.postgres import cluster, processes
from adapters.postgres.account import Account, EmbeddedError
from adapters.postgres.ownership import FolderInUse, Ownership

__all__ = ["EmbeddedError", "EmbeddedPostgres", "FolderInUse"]

ATTEMPTS = 5
"""So often is a server started that somebody kills while it starts."""


class _Killed(EmbeddedError):
    """Somebody killed it while it started: nothing is wrong with it."""


class EmbeddedPostgres:
    """A Postgres 18 cluster in ``data/postgres``, with a database ``ballyhoo``; its log is
    ``data/postgres.log``.

    ``settings`` are laid over the usual ones. ``waiting`` is called each second that a start lasts, with the
    seconds so far: crash recovery takes as long as it takes. Start it from a thread that lives on, the main
    thread as a rule: the server shuts down when the thread that started it ends.
    """

    def __init__(
        self,
        data: Path,
        *,
        settings: Mapping[str, str] | None = None,
        waiting: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self.data = data.absolute()
        self.folder = self.data / "postgres"
        self._settings = dict(settings or {})
        self._waiting = waiting
        self._ownership = Ownership(self.data)
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the database is, while somebody's server runs in this folder."""
        socket = cluster.socket_folder(self.folder)
        return f"postgresql://postgres@/ballyhoo?host={quote(str(socket), safe='')}"

    def start(self) -> None:
        """Own the folder, clear what a crash left, start the server and wait until it answers.

        FolderInUse where another process owns the folder; EmbeddedError with the reason where the server will
        not run. Calling it again after the server died starts it again.
        """
        self._ownership.take()
        try:
            account = Account.for_folder(self.folder)
            cluster.make_whole(self.folder, account)
            for attempt in range(ATTEMPTS):
                self._clear()
                self._spawn(account)
                try:
                    self._wait_until_ready()
                    self._ensure_database()
                except _Killed:
                    if attempt == ATTEMPTS - 1:
                        raise
                else:
                    break
        except BaseException:
            self.stop()
            raise

    def alive(self) -> bool:
        """Whether our server's process runs (a killed one is reaped here)."""
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        """End the server with a fast shutdown, whatever of it is left after that, and let the folder go."""
        if self._ownership.held:
            self._clear()
            self._ownership.let_go()

    def owner(self) -> int | None:
        """The pid of the process that owns the folder, or None where nobody does."""
        return self._ownership.owner()

    def _clear(self) -> None:
        if self.folder.exists():
            processes.end_all(self.folder)
        if self._child is not None:
            self._child.kill()  # lives only where its folder was taken away
            self._child.wait()
            self._child = None
        if not self.folder.exists():
            return
        socket = cluster.socket_folder(self.folder)
        processes.forget_dead_postmaster(self.folder, socket)
        if socket != self.folder and socket.exists():
            socket.rmdir()

    def _spawn(self, account: Account) -> None:
        program = cluster.binaries() / "postgres"
        command = [*account.prefix(self.folder, program), str(program), "-D", str(self.folder)]
        socket = cluster.make_socket_folder(self.folder, account)
        for name, value in (cluster.settings(socket) | self._settings).items():
            command += ["-c", f"{name}={value}"]
        log = cluster.open_log(self.data / "postgres.log")
        try:
            self._child = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=cluster.plain_environment(), start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(log)

    def _wait_until_ready(self) -> None:
        began = time.monotonic()
        said = 0
        while not self._answers():
            if not self.alive():
                raise self._died()
            seconds = time.monotonic() - began
            if int(seconds) > said:
                said = int(seconds)
                self._waiting(seconds)
            time.sleep(0.02)

    def _answers(self) -> bool:
        return PGconn.ping(self._conninfo("postgres").encode()) == Ping.OK

    def _ensure_database(self) -> None:
        try:
            with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
                there = connection.execute("select from pg_database where datname = 'ballyhoo'").fetchone()
                if there is None:
                    connection.execute("create database ballyhoo")
        except psycopg.OperationalError as error:
            raise self._died() from error

    def _died(self) -> EmbeddedError:
        """What to say of a server that ended before it was ready."""
        with suppress(subprocess.TimeoutExpired):
            if self._child is not None and self._child.wait(1.0) == -signal.SIGKILL:
                return _Killed(f"Postgres was killed while it started in {self.folder}.")
        return EmbeddedError(f"Postgres did not start in {self.folder}: {self._last_words()}")

    def _conninfo(self, database: str) -> str:
        return self.url.replace("/ballyhoo?", f"/{database}?")

    def _last_words(self) -> str:
        log = self.data / "postgres.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        telling = [
            line for line in lines[-50:] if "FATAL" in line or "PANIC" in line or line.startswith("setpriv")
        ]
        return (telling or lines or ["its log is empty"])[-1]
