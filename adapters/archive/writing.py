"""One partition written into one file, in blocks, and read back; what each block holds is noted for the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Any

from psycopg import Connection, sql

from adapters.archive.file import Damaged, Writing, manifest_of, rows_of
from adapters.event_store.outbox import FACT_COLUMNS, without_frame
from domain.shared.times import written

FACTS = 20_000
"""Facts of a block, at most."""
SPAN = 200_000
"""Positions that a block spans, at most: repeated facts leave gaps."""
NO_FACT = 255

# The columns with which a fact's binary row begins: position, part.
_HEAD = Struct("!hiqih")

_HELD = """
select min(recorded_at), max(recorded_at), min(occurred_at), max(occurred_at), array_agg(distinct workspace),
    array_agg(distinct contact) filter (where contact is not null),
    (select array_agg(campaign order by campaign) from of_campaigns),
    (select array_agg(n order by campaign) from of_campaigns)
  from held
"""
_BLOCK = """
with held as materialized (select * from ballyhoo.{} where position between %s and %s),
of_campaigns as (select campaign, count(*)::int as n from held where campaign is not null group by campaign)
"""


@dataclass(frozen=True)
class Partition:
    """A partition of the log: facts recorded in [``since``, ``until``)."""

    name: str
    since: datetime
    until: datetime


@dataclass
class WrittenBlock:
    """A block in the file; ``digest`` is that of its rows before they were compressed."""

    path: Path
    number: int
    place: int
    size: int
    sha256: bytes
    digest: bytes
    first_position: int
    last_position: int
    facts: int
    parts: bytes
    held: tuple[Any, ...] = ()

    @property
    def entry(self) -> dict[str, Any]:
        """As the manifest has it."""
        first, last, happened, last_happened, workspaces, _, campaigns, counts = self.held
        return {
            "offset": self.place, "length": self.size, "sha256": self.sha256.hex(), "facts": self.facts,
            "first_position": self.first_position, "last_position": self.last_position,
            "first_recorded_at": written(first), "last_recorded_at": written(last),
            "first_occurred_at": written(happened), "last_occurred_at": written(last_happened),
            "workspaces": workspaces, "campaigns": dict(zip(map(str, campaigns or ()), counts or (), strict=True)),
        }  # fmt: skip


@dataclass(frozen=True)
class WrittenFile:
    """A file that is whole, on disk and read back."""

    size: int
    sha256: bytes
    blocks: list[WrittenBlock]


def write(
    connection: Connection[Any], partition: Partition, path: Path, tell: Callable[[int], None]
) -> WrittenFile:
    """Write a partition, make it last, and read all of it back. ``tell`` hears how many facts are done. Damaged."""
    writing = Writing(path)
    try:
        blocks = []
        for number, rows in enumerate(_blocks(connection, partition)):
            blocks.append(_written(writing, path, number, rows))
            tell(sum(block.facts for block in blocks))
        for block in blocks:
            statement = sql.SQL(_BLOCK + _HELD).format(sql.Identifier(partition.name))
            found = connection.execute(statement, (block.first_position, block.last_position), binary=True).fetchone()
            assert found is not None
            block.held = found
        size, digest = writing.finish(
            {
                "format": 1, "partition": partition.name, "recorded_from": written(partition.since),
                "recorded_until": written(partition.until), "columns": FACT_COLUMNS,
                "facts": sum(block.facts for block in blocks), "blocks": [block.entry for block in blocks],
            }
        )  # fmt: skip
    finally:
        writing.close()
    read_back(path, digest, blocks)
    return WrittenFile(size, digest, blocks)


def read_back(path: Path, digest: bytes, blocks: list[WrittenBlock]) -> None:
    """Damaged where the file does not give back what was written into it."""
    manifest_of(path, digest)
    for block in blocks:
        if sha256(rows_of(block)).digest() != block.digest:
            raise Damaged(path.name, block.number, "its facts are others than those in the table")


def _written(writing: Writing, path: Path, number: int, rows: list[bytes]) -> WrittenBlock:
    heads = [_HEAD.unpack_from(row) for row in rows]
    first, last = heads[0][2], heads[-1][2]
    parts = bytearray([NO_FACT]) * (last - first + 1)
    for _, _, position, _, part in heads:
        parts[position - first] = part
    whole = b"".join(rows)
    place, size, digest = writing.block(whole)
    return WrittenBlock(
        path, number, place, size, digest, sha256(whole).digest(), first, last, len(rows), bytes(parts)
    )


def _blocks(connection: Connection[Any], partition: Partition) -> Iterator[list[bytes]]:
    """The rows of a partition in the order of positions, cut into blocks."""
    statement = sql.SQL("copy (select {} from ballyhoo.{} order by position) to stdout (format binary)").format(
        sql.SQL(", ").join(map(sql.Identifier, FACT_COLUMNS)), sql.Identifier(partition.name)
    )
    rows: list[bytes] = []
    first = 0
    with connection.cursor().copy(statement) as copy:
        for row in map(bytes, without_frame(copy)):
            position = _HEAD.unpack_from(row)[2]
            if rows and (len(rows) == FACTS or position - first >= SPAN):
                yield rows
                rows = []
            if not rows:
                first = position
            rows.append(row)
    if rows:
        yield rows
