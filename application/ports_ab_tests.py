"""What A/B tests ask of the world: what was seen so far, and which test of a campaign lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.ab_test.evidence import Evidence
from domain.ab_test.state import ABTestState
from domain.shared.event import Event
from domain.shared.position import Position

POLICY = "campaigns_and_tests"
"""What makes tests follow their campaigns, as the store knows it."""

Mark = tuple[int, int]
"""The position after which a policy looked, and up to which."""


class Evidences(Protocol):
    """Asks the read models what a test has seen."""

    async def of(self, workspace: int, state: ABTestState, *, as_of: Position | None = None) -> Evidence:
        """The evidence of a test by its plan and shares, now or as known at a position."""
        ...


@dataclass(frozen=True)
class Place:
    """The test that holds the campaign's place, and those that held it before."""

    holder: UUID
    earlier: tuple[UUID, ...] = ()


class LiveTests(Protocol):
    """Which test of a campaign lives: one at a time. The place is taken before the test is made; a place that was
    taken for a test that was then never made falls free after a minute."""

    async def claim(self, workspace: int, campaign: UUID, test: UUID) -> Place:
        """Take the campaign's place for ``test`` unless a test that has not ended holds it."""
        ...

    async def release(self, workspace: int, campaign: UUID, test: UUID) -> None:
        """Give up a place that was taken for a test that could not be made."""
        ...

    async def of(self, workspace: int, campaign: UUID) -> Place | None:
        """Who holds the place; None where no test ever did."""
        ...


@dataclass(frozen=True)
class Followed:
    """A domain event as a policy sees it, with its envelope."""

    position: int
    event: Event
    event_id: UUID
    recorded_at: datetime
    correlation: str
    workspace: int
    workspace_id: UUID
    stream: UUID


class Follower(Protocol):
    """Hands a policy the events of the log, in their order, once by intention and twice after a crash."""

    async def next(self, policy: str, topics: frozenset[str], most: int) -> tuple[list[Followed], Mark] | None:
        """What comes next of ``topics``, and the mark for ``done``; None where nothing is new, or another process
        follows."""
        ...

    async def done(self, policy: str, mark: Mark) -> None:
        """Everything up to the mark has been dealt with."""
        ...
