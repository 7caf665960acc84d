"""Which blocks of which files hold what a question needs: asked of the catalogue in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

LAST = 2**63 - 1

UP_TO = "select ballyhoo.archived_up_to()"
"""The last archived position; the facts stay where they are until the transaction ends."""

GLANCE = "select coalesce(max(last_position), 0) from ballyhoo.archives"
"""The same, without holding anything: asked after a read, it says whether the read may have missed something."""

BLOCKS = """
select (select value from ballyhoo.settings where name = 'archive_folder'), a.file, b.number, b.place, b.size, b.sha256,
    b.facts, b.first_position, b.last_position, b.first_recorded, b.last_recorded, b.last_happened,
    a.recorded_until, a.dropped_at is not null
  from ballyhoo.archived_blocks b join ballyhoo.archives a on a.id = b.archive
 where b.last_position > %(low)s and b.first_position <= %(high)s
   and b.last_happened >= %(starts)s::timestamptz and b.first_happened < %(ends)s::timestamptz
   and (%(workspace)s::int is null or b.workspaces @> array[%(workspace)s::int])
   and (%(campaigns)s::int[] is null or b.campaigns && %(campaigns)s::int[])
   and (%(contacts)s::uuid[] is null
     or exists (select from unnest(%(contacts)s::uuid[]) c where ballyhoo.may_hold(b.contacts, c)))
   and (%(positions)s::bigint[] is null
     or exists (select from unnest(%(positions)s::bigint[]) p where p between b.first_position and b.last_position))
 order by b.first_position
"""

@dataclass(frozen=True)
class Wanted:
    """Facts that a question needs, by everything that is known of them: positions (low, high], happened in [starts,
    ends). What is None is not asked for."""

    low: int = 0
    high: int = LAST
    starts: str = "-infinity"
    ends: str = "infinity"
    workspace: int | None = None
    campaigns: tuple[int, ...] | None = None
    contacts: tuple[UUID, ...] | None = None
    positions: tuple[int, ...] | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """What ``BLOCKS`` is asked with, and each fact of a block."""
        return {
            name: list(value) if isinstance(value := getattr(self, name), tuple) else value
            for name in self.__dataclass_fields__
        }


@dataclass(frozen=True)
class Block:
    """One block: where it lies, and what it holds. ``until`` bounds its partition; ``dropped`` is gone for good."""

    path: Path
    number: int
    place: int
    size: int
    sha256: bytes
    facts: int
    first_position: int
    last_position: int
    first_recorded: datetime
    last_recorded: datetime
    last_happened: datetime
    until: datetime
    dropped: bool


@dataclass(frozen=True)
class Found:
    """Blocks that are needed: those that are there, and the horizon where some were dropped."""

    blocks: tuple[Block, ...]
    horizon: datetime | None

    def __bool__(self) -> bool:
        return bool(self.blocks) or self.horizon is not None


NOTHING = Found((), None)


def found(rows: Sequence[Sequence[Any]]) -> Found:
    """The answer of ``BLOCKS``."""
    blocks = [Block(Path(folder or "") / file, *rest) for folder, file, *rest in rows]
    dropped = [block.until for block in blocks if block.dropped]
    return Found(tuple(block for block in blocks if not block.dropped), max(dropped, default=None))
