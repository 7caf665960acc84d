"""Under which account the embedded Postgres runs: it refuses root, and root is common in containers and on
CI.

As root, the server gets the account ``nobody`` (or the one that owns an existing folder) and a folder of its
own. Nobody's folders are opened to others for it: where a parent of the folder, or of the binaries, lets only
root in (``/root``, ``mktemp -d``), the server keeps one capability, to pass through, and ``no_new_privs``
besides.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

_CAP_DAC_OVERRIDE = 1


class EmbeddedError(Exception):
    """The embedded Postgres cannot run; the message is one sentence that says why and what helps."""


@dataclass(frozen=True)
class Account:
    """Who runs the server: ``uid`` and ``gid`` to become, or None to stay who we are."""

    uid: int | None
    gid: int | None

    @staticmethod
    def for_folder(folder: Path) -> Account:
        """The account for a cluster in ``folder``, which need not exist yet."""
        if os.geteuid() != 0:
            return Account(None, None)
        if folder.exists() and folder.stat().st_uid != 0:
            owner = folder.stat()
            return Account(owner.st_uid, owner.st_gid)
        nobody = pwd.getpwnam("nobody")
        return Account(nobody.pw_uid, nobody.pw_gid)

    def give(self, folder: Path) -> None:
        """Make ``folder`` and what is in it this account's, where root made or copied it; itself last, as the
        sign.
        """
        if self.uid is None or self.gid is None or os.lstat(folder).st_uid == self.uid:
            return
        for path in (*folder.rglob("*"), folder):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def enters(self, path: Path) -> bool:
        """Whether this account may pass through every parent of ``path``."""
        return self.uid is None or all(self._passes(parent) for parent in path.resolve().parents)

    def _passes(self, folder: Path) -> bool:
        mode = folder.stat()
        if mode.st_uid == self.uid:
            return bool(mode.st_mode & stat.S_IXUSR)
        if mode.st_gid == self.gid:
            return bool(mode.st_mode & stat.S_IXGRP)
        return bool(mode.st_mode & stat.S_IXOTH)

    def prefix(self, *paths: Path) -> list[str]:
        """The command line to put before a server's, so that it runs as this account and reaches ``paths``.

        The server is asked to shut down fast (SIGINT) when the thread that started it ends, however that
        ends.
        """
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise EmbeddedError("The embedded Postgres needs the program setpriv (package util-linux).")
        command = [setpriv, "--pdeathsig", "INT", "--no-new-privs"]
        if self.uid is None:
            return command
        command += ["--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"]
        closed = next((path for path in paths if not self.enters(path)), None)
        if closed is None:
            return command
        if not _holds(_CAP_DAC_OVERRIDE):
            raise EmbeddedError(
                f"Postgres does not run as root, and the account {self.name} cannot reach {closed}: "
                "choose a folder whose parents everybody may enter, or start as another user."
            )
        return [*command, "--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]

    @property
    def name(self) -> str:
        """The account's name, or its number where it has none."""
        uid = os.geteuid() if self.uid is None else self.uid
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return str(uid)


def _holds(capability: int) -> bool:
    """Whether this process holds a Linux capability, by its number."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False
