"""Which folder holds the archive's files."""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

from adapters.archive.folder import FolderMissing, named, settle
from infra.settings import SettingError, Settings


def folder_of(settings: Settings, folder: Path | None) -> Path:
    """Where the files belong; ``folder`` is the one of the database that the command line names. SettingError."""
    if settings.archive is not None:
        return settings.archive.absolute()
    if folder is None and settings.database_url is not None:
        raise SettingError("BALLYHOO_ARCHIVE is not set: name the folder in which the archive's files are to be.")
    return (folder or settings.data).absolute() / "archive"


def settle_folder(dsn: str, settings: Settings) -> None:
    """Let the database of ``serve`` know where the folder is now, if there is an archive. Where not all of it is there,
    that is said, and the rest works: only who needs what is missing is refused."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        try:
            if named(connection) is not None:
                settle(connection, folder_of(settings, settings.data))
        except FolderMissing as error:
            print(f"ballyhoo: {error}", file=sys.stderr, flush=True)
