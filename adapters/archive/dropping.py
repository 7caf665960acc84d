"""What is in the archive, whether it is whole, and dropping it for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from adapters.archive import folder as folders
from adapters.archive.archiving import ArchiveStopped, alone, exclusively
from adapters.archive.catalogue import BLOCKS, Wanted, found
from adapters.archive.file import Damaged, manifest_of, rows_of, single_rows
from adapters.archive.readers import behind

_LISTED = """
select id, name, file, sha256, first_position, last_position, recorded_from, recorded_until, facts, table_bytes,
    file_bytes, archived_at, dropped_at from ballyhoo.archives order by first_position
"""
_CHOSEN = """
select max(last_position), sum(facts)::bigint, max(recorded_until) from ballyhoo.archives
 where recorded_until <= %s and dropped_at is null
"""
_DROPPED = """
update ballyhoo.archives set dropped_at = clock_timestamp() where recorded_until <= %s and dropped_at is null
"""
_HORIZON = """
insert into ballyhoo.horizons (recorded_before, position, facts, moved_by) values (%s, %s, %s, %s)
"""


@dataclass(frozen=True)
class Listed:
    """A partition in the archive; ``dropped_at`` once its file is gone for good."""

    id: int
    name: str
    file: str
    sha256: bytes
    first_position: int
    last_position: int
    recorded_from: datetime
    recorded_until: datetime
    facts: int
    table_bytes: int
    file_bytes: int
    archived_at: datetime
    dropped_at: datetime | None


@dataclass(frozen=True)
class Dropped:
    """How many facts are gone, and the horizon: all that were recorded before it."""

    facts: int
    horizon: datetime


def listed(connection: Connection[Any]) -> list[Listed]:
    """Every archived partition, the oldest first."""
    return [Listed(*row) for row in connection.execute(_LISTED).fetchall()]


def verify(connection: Connection[Any], archived: Listed) -> str | None:
    """What is wrong with a file: its manifest, each block's hash, and each row of it are looked at. None where all is
    well."""
    folder = folders.named(connection)
    path = Path(folder or "") / archived.file
    wanted = Wanted(low=archived.first_position - 1, high=archived.last_position)
    try:
        said = {block["offset"]: block for block in manifest_of(path, archived.sha256)["blocks"]}
        for block in found(connection.execute(BLOCKS.encode(), wanted.parameters).fetchall()).blocks:
            if said.get(block.place, {}).get("sha256") != block.sha256.hex():
                raise Damaged(archived.file, block.number, "the catalogue and the manifest differ")
            if sum(1 for _ in single_rows(rows_of(block))) != block.facts:
                raise Damaged(archived.file, block.number, "it has another number of facts")
    except Damaged as error:
        return str(error)
    return None


def drop(dsn: str, before: datetime, by: str) -> Dropped | None:
    """Delete the files of all partitions that lie wholly before ``before``, for good, and move the horizon; None where
    there are none. ArchiveStopped where somebody still has to read them."""
    with alone(dsn) as connection:
        folder = folders.named(connection)
        if folder is None:
            return None
        folders.sweep(connection, folder)  # what a killed drop left
        chosen = connection.execute(_CHOSEN, (before,)).fetchone()
        if chosen is None or chosen[0] is None:
            return None
        position, facts, horizon = chosen

        def forget() -> None:
            if reason := behind(connection, position):
                raise ArchiveStopped(f"Nothing was dropped: {reason}.")
            connection.execute(_HORIZON, (horizon, position, facts, by))
            connection.execute(_DROPPED, (before,))

        exclusively(connection, forget)
        folders.sweep(connection, folder)
        return Dropped(facts, horizon)
