"""One process owns a data folder: by a lock of the kernel's, which ends with the process, in whatever way it
ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from adapters.postgres.account import EmbeddedError

# Somebody who only looks at the lock holds it for a moment.
_LOOKERS_ARE_GONE_AFTER = 0.3


class FolderInUse(EmbeddedError):
    """Another process owns the folder."""


class Ownership:
    """The lock of ``folder``, a file in it that holds the owner's pid."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "lock"
        self._held: int | None = None

    @property
    def held(self) -> bool:
        """Whether we own the folder."""
        return self._held is not None

    def take(self) -> None:
        """Make the folder where it is missing and own it. FolderInUse, EmbeddedError where it cannot be."""
        if self.held:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise EmbeddedError(
                f"{self._folder} cannot be used as a data folder: {error.strerror}."
            ) from error
        if not _locked(lock):
            owner = _pid_in(lock)
            os.close(lock)
            raise FolderInUse(
                f"{self._folder} is in use by process {owner}; stop that one, or name another folder."
            )
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._held = lock

    def let_go(self) -> None:
        """Own it no more."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def owner(self) -> int | None:
        """The pid of the process that owns the folder, or None where nobody does."""
        try:
            lock = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _pid_in(lock)
        finally:
            os.close(lock)
        return None


def _locked(lock: int) -> bool:
    deadline = time.monotonic() + _LOOKERS_ARE_GONE_AFTER
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _pid_in(lock: int) -> int:
    return int(os.pread(lock, 20, 0) or b"0")
