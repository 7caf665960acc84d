"""The folder of the archive files: named in the database, so that every process that reads finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg import Connection

from adapters.archive.file import sync_folder

SUFFIX = ".ballyhoo"

_FOLDER = "select value from ballyhoo.settings where name = 'archive_folder'"
_NAME = """
insert into ballyhoo.settings values ('archive_folder', %s) on conflict (name) do update set value = excluded.value
"""
_FILES = "select file, dropped_at is not null from ballyhoo.archives order by id"


class FolderMissing(Exception):
    """The archive's folder is not there, or is another than the files are in; the message says which."""


def named(connection: Connection[Any]) -> Path | None:
    """The folder in which the files are; None before anything was archived."""
    found = connection.execute(_FOLDER).fetchone()
    return None if found is None else Path(found[0])


def settle(connection: Connection[Any], folder: Path) -> None:
    """Let ``folder`` be the one, made where there is none yet. FolderMissing where the files of the archive are not in
    it: whoever moves the folder moves them first."""
    standing = named(connection)
    if standing is None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)
    elif standing == folder and folder.is_dir():
        return
    missing = next((file for file in _standing(connection) if not (folder / file).exists()), None)
    if missing is not None or not folder.is_dir():
        raise FolderMissing(f"The archive is in {standing}, and {folder} has no {missing or 'files'}: move all of it.")
    connection.execute(_NAME, (str(folder),))


def sweep(connection: Connection[Any], folder: Path) -> None:
    """Remove what a killed command left: unfinished files, and those that were dropped."""
    for unfinished in folder.glob(f"*{SUFFIX}.new"):
        unfinished.unlink()
    for file, dropped in connection.execute(_FILES).fetchall():
        if dropped:
            (folder / file).unlink(missing_ok=True)


def _standing(connection: Connection[Any]) -> list[str]:
    return [file for file, dropped in connection.execute(_FILES).fetchall() if not dropped]
