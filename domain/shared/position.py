"""A point of the logs: what a command answers, what a read reflects, and what a client may wait for."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Position:
    """A point of both logs: everything up to and with these positions, under this epoch of the store."""

    epoch: UUID
    events: int
    engagement: int
