"""What a read model was made without: listed, and taken in after a mend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.shared.errors import Conflict


@dataclass(frozen=True)
class Parked:
    """One record that was put aside. ``aggregate`` is the one whose event it is; ``fact`` the client's id of a fact."""

    id: int
    projection: str
    log: str
    position: int
    aggregate: UUID | None
    fact: str | None
    event: str | None
    reason: str
    parked_at: datetime


class StillUnfoldable(Conflict):
    """It still can't be taken in; its reason stands in the list."""


class ParkedRecords(Protocol):
    """The records of a workspace that were put aside."""

    async def page(self, workspace: int, limit: int, after: int | None) -> tuple[list[Parked], bool]:
        """The oldest first, those after an id; and whether there are more."""
        ...

    async def replay(self, workspace: int, id: int) -> int:
        """Take a record in, with all that are parked of its aggregate, in their order; gives how many.

        NotFound; StillUnfoldable where one of them can't be folded: then none is taken in.
        """
        ...
