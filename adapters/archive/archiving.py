"""Moves partitions of the log into files, the oldest first: written, read back, then dropped from the table together
with the row that says where they are.

Killed anywhere, the same command goes on: a file without its row is written anew, and a partition goes only with its
row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import Connection, sql

from adapters.archive import folder as folders
from adapters.archive.readers import behind
from adapters.archive.writing import Partition, WrittenBlock, WrittenFile, write

IDLE = "5s"
"""Who does nothing for so long while it keeps all others out is stopped, and loses the lock."""
LOCK_TIMEOUT = "50ms"
"""So long at most do appends and reads wait behind us for the table of facts; then we step back and try again."""
PATIENCE = 600.0
GONE_AFTER = 3.0
"""Seconds until the server has surely noticed that the last one was killed."""

_LOCK = "select pg_try_advisory_lock(hashtextextended('ballyhoo.archive', 0))"
_PARTITIONS = """
select c.relname, (regexp_match(bounds, 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz,
    (regexp_match(bounds, 'TO \\(''([^'']+)''\\)'))[1]::timestamptz
  from pg_inherits i join pg_class c on c.oid = i.inhrelid, pg_get_expr(c.relpartbound, c.oid) bounds
 where i.inhparent = 'ballyhoo.facts'::regclass
 order by 3
"""
# Positions and times rise together: behind the head's time nothing more comes.
_ENDED = "select recorded_at >= %s from ballyhoo.log_heads where log = 'engagement'"
_LAST = "select max(position), count(*) from ballyhoo.{}"
_BYTES = "select pg_total_relation_size(%s::regclass)"
_ARCHIVE = """
insert into ballyhoo.archives (name, file, sha256, first_position, last_position, recorded_from, recorded_until, facts,
    table_bytes, file_bytes)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id
"""
_BLOCK = """
insert into ballyhoo.archived_blocks (archive, number, place, size, sha256, facts, first_position, last_position,
    first_recorded, last_recorded, first_happened, last_happened, workspaces, campaigns, counts, parts, contacts)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

T = TypeVar("T")


class ArchiveStopped(Exception):
    """The archive can't go on; the message is the sentence for whoever asked. Nothing was lost."""


@dataclass(frozen=True)
class Progress:
    """How far one partition is: ``done`` of ``total`` facts."""

    partition: str
    done: int
    total: int


@dataclass(frozen=True)
class Moved:
    """A partition that stands in a file now: bytes in the table, indexes included, and bytes of the file."""

    partition: str
    facts: int
    table_bytes: int
    file_bytes: int


@dataclass(frozen=True)
class Outcome:
    """What was moved, and why the next partition was not (None where there is none before the time asked for)."""

    moved: list[Moved]
    held_back: str | None


def archive(
    dsn: str, folder: Path, before: datetime, tell: Callable[[Progress], None] = lambda progress: None
) -> Outcome:
    """Move every partition that lies wholly before ``before`` and that every reader has passed. ``dsn`` is the owner's.

    ArchiveStopped; Damaged where a file does not give back what was written.
    """
    with alone(dsn) as connection:
        folders.settle(connection, folder)
        folders.sweep(connection, folder)
        moved: list[Moved] = []
        for partition in _partitions(connection):
            if partition.until > before or not _one(connection, _ENDED, partition.until):
                break
            last, facts = _row(connection, sql.SQL(_LAST).format(sql.Identifier(partition.name)))
            if not facts:
                exclusively(connection, partial(_drop, connection, partition.name))
                continue
            if reason := behind(connection, last):
                return Outcome(moved, f"{partition.name} ends at position {last}, but {reason}.")
            moved.append(_move(connection, partition, folder, last, facts, tell))
        return Outcome(moved, None)


@contextmanager
def alone(dsn: str) -> Iterator[Connection[Any]]:
    """A connection of the owner's, while no other archives or drops. ArchiveStopped where another does."""
    with psycopg.connect(
        dsn, autocommit=True, connect_timeout=10, application_name="archive", options="-c timezone=UTC -c jit=off"
    ) as connection:
        until = time.monotonic() + GONE_AFTER
        while not _one(connection, _LOCK):
            if time.monotonic() > until:
                raise ArchiveStopped("Another archive command is at work; wait for its end.")
            time.sleep(0.1)
        yield connection


def exclusively(connection: Connection[Any], work: Callable[[], T]) -> T:
    """Do ``work`` in a transaction in which nobody else reads or appends facts. ArchiveStopped where that can't be had:
    a lock that is waited for holds up all who come after it, so the wait is short and tried again. A process that is
    stopped meanwhile loses it."""
    until, pause = time.monotonic() + PATIENCE, 0.05
    while True:
        try:
            with connection.transaction():
                connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'".encode())
                connection.execute(f"set local idle_in_transaction_session_timeout = '{IDLE}'".encode())
                connection.execute("lock table ballyhoo.facts in access exclusive mode")
                return work()
        except psycopg.errors.LockNotAvailable as error:
            if time.monotonic() > until:
                raise ArchiveStopped("The table of facts was read all the time; start it again later.") from error
        time.sleep(pause)
        pause = min(pause * 2, 2.0)


def _move(
    connection: Connection[Any], partition: Partition, folder: Path, last: int, facts: int,
    tell: Callable[[Progress], None],
) -> Moved:  # fmt: skip
    path = folder / f"{partition.name}{folders.SUFFIX}"
    tell(Progress(partition.name, 0, facts))
    written = write(connection, partition, path, lambda done: tell(Progress(partition.name, done, facts)))
    if sum(block.facts for block in written.blocks) != facts:
        raise ArchiveStopped(f"{partition.name} changed while it was written; start it again.")
    table_bytes = int(_one(connection, _BYTES, f"ballyhoo.{partition.name}"))

    def change_places() -> None:
        if reason := behind(connection, last):  # a rebuild may have begun meanwhile
            raise ArchiveStopped(f"{partition.name} stays where it is: {reason}.")
        _put_down(connection, partition, path, written, facts, table_bytes)
        _drop(connection, partition.name)

    exclusively(connection, change_places)
    return Moved(partition.name, facts, table_bytes, written.size)


def _put_down(
    connection: Connection[Any], partition: Partition, path: Path, written: WrittenFile, facts: int, table_bytes: int
) -> None:
    blocks = written.blocks
    id = _one(
        connection, _ARCHIVE, partition.name, path.name, written.sha256, blocks[0].first_position,
        blocks[-1].last_position, partition.since, partition.until, facts, table_bytes, written.size,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.executemany(_BLOCK, [(id, *_columns(block)) for block in blocks])


def _columns(block: WrittenBlock) -> tuple[Any, ...]:
    first, last, happened, last_happened, workspaces, contacts, campaigns, counts = block.held
    return (
        block.number, block.place, block.size, block.sha256, block.facts, block.first_position, block.last_position,
        first, last, happened, last_happened, workspaces, campaigns or [], counts or [], block.parts,
        filter_of(contacts or []),
    )  # fmt: skip


def filter_of(contacts: list[Any]) -> bytes:
    """A Bloom filter of contacts' uuids as ``ballyhoo.may_hold`` reads it: two bits each, chosen by the last six bytes
    (random in every version of uuid that we make), in a power of two of bits, at least eight for each contact."""
    bits = bytearray(max(128, 1 << (len(contacts) - 1).bit_length()) if contacts else 128)
    mask = len(bits) * 8 - 1
    for contact in contacts:
        for chosen in (contact.bytes[10:13], contact.bytes[13:16]):
            bit = int.from_bytes(chosen) & mask
            bits[bit >> 3] |= 1 << (bit & 7)
    return bytes(bits)


def _partitions(connection: Connection[Any]) -> list[Partition]:
    return [Partition(*row) for row in connection.execute(_PARTITIONS).fetchall()]


def _drop(connection: Connection[Any], name: str) -> None:
    connection.execute(sql.SQL("drop table ballyhoo.{}").format(sql.Identifier(name)))


def _row(connection: Connection[Any], statement: sql.Composed) -> tuple[Any, ...]:
    found: tuple[Any, ...] | None = connection.execute(statement).fetchone()
    assert found is not None
    return found


def _one(connection: Connection[Any], statement: str, *parameters: object) -> Any:
    found = connection.execute(statement.encode(), parameters or None).fetchone()
    assert found is not None
    return found[0]
