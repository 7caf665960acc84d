"""The facts of some blocks in a temporary table, beside those in the database: one relation for the same statements.

``over(statement)`` reads both. The table goes with its transaction, which holds the archive still from
``archived_up_to()`` on; so a question sees each fact once. Blocks are unpacked one after the other, and only what is
wanted of each is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from psycopg import AsyncConnection, Connection

from adapters.archive.catalogue import BLOCKS, Block, Found, Wanted, found
from adapters.archive.file import Damaged, rows_of
from adapters.event_store.outbox import COPY_HEADER, COPY_TRAILER, FACT_COLUMNS

BOTH = "(select * from ballyhoo.facts union all select * from pg_temp.archived_facts)"
COPY = f"({', '.join(FACT_COLUMNS)}) from stdin (format binary)"

_MAKE = (
    b"create temp table if not exists archived_facts (like ballyhoo.facts) on commit drop",
    b"create unique index if not exists archived_facts_position on pg_temp.archived_facts (position)",
    b"create temp table if not exists unpacked_block (like ballyhoo.facts) on commit drop",
)
_KEEP = """
insert into pg_temp.archived_facts
select f.* from pg_temp.unpacked_block f
 where f.position > %(low)s and f.position <= %(high)s
   and f.occurred_at >= %(starts)s::timestamptz and f.occurred_at < %(ends)s::timestamptz
   and (%(workspace)s::int is null or f.workspace = %(workspace)s::int)
   and (%(campaigns)s::int[] is null or f.campaign = any(%(campaigns)s::int[]))
   and (%(contacts)s::uuid[] is null or f.contact = any(%(contacts)s::uuid[]))
   and (%(positions)s::bigint[] is null or f.position = any(%(positions)s::bigint[]))
on conflict do nothing
"""
_EMPTY = b"truncate pg_temp.unpacked_block"
_READY = (
    b"create index on pg_temp.archived_facts (campaign, occurred_at)",
    b"create index on pg_temp.archived_facts (contact, position)",
    b"create index on pg_temp.archived_facts (voids_position) where voids_position is not null",
    b"analyze pg_temp.archived_facts",
)


def over(statement: str) -> str:
    """The statement over the facts in the database and those of the overlay."""
    return statement.replace("ballyhoo.facts", BOTH)


@dataclass(frozen=True)
class Step:
    """A statement to run, or with ``rows`` a COPY to fill."""

    statement: bytes
    parameters: dict[str, Any] | None = None
    rows: bytes | None = None


def making() -> Iterator[Step]:
    """Make the empty overlay."""
    return map(Step, _MAKE)


def filling(blocks: Sequence[Block], wanted: Wanted) -> Iterator[Step]:
    """Put what is wanted of the blocks into it. Damaged."""
    with ExitStack() as stack:
        opened: dict[Path, BinaryIO] = {}
        for block in blocks:
            if block.path not in opened:
                opened[block.path] = stack.enter_context(_open(block))
            rows = rows_of(block, opened[block.path])
            yield Step(f"copy pg_temp.unpacked_block {COPY}".encode(), rows=rows)
            yield Step(_KEEP.encode(), wanted.parameters)
            yield Step(_EMPTY)


def readying() -> Iterator[Step]:
    """Make it quick to read."""
    return map(Step, _READY)


def lay(connection: Connection[Any], steps: Iterator[Step]) -> None:
    """Run steps."""
    for step in steps:
        if step.rows is None:
            connection.execute(step.statement, step.parameters, prepare=False)
        else:
            with connection.cursor().copy(step.statement) as copy:
                for piece in (COPY_HEADER, step.rows, COPY_TRAILER):
                    copy.write(piece)


async def lay_beside(connection: AsyncConnection[Any], steps: Iterator[Step]) -> None:
    """Run steps; files are read and unpacked in a thread, so that others are answered meanwhile."""
    while (step := await asyncio.to_thread(next, steps, None)) is not None:
        if step.rows is None:
            await connection.execute(step.statement, step.parameters, prepare=False)
        else:
            async with connection.cursor().copy(step.statement) as copy:
                for piece in (COPY_HEADER, step.rows, COPY_TRAILER):
                    await copy.write(piece)


def look(connection: Connection[Any], wanted: Wanted) -> Found:
    """The blocks that are needed."""
    return found(connection.execute(BLOCKS.encode(), wanted.parameters).fetchall())


async def look_beside(connection: AsyncConnection[Any], wanted: Wanted) -> Found:
    """The same."""
    return found(await (await connection.execute(BLOCKS.encode(), wanted.parameters)).fetchall())


def _open(block: Block) -> BinaryIO:
    try:
        return block.path.open("rb")
    except FileNotFoundError as error:
        raise Damaged(block.path.name, block.number, "the file is missing") from error
    except OSError as error:
        raise Damaged(block.path.name, block.number, f"it can't be read ({error.strerror})") from error
