"""A small world for use cases: the application on the in-memory twins, and a caller in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.memory import MemoryClock, MemoryEventStore
from adapters.statistics.scipy_significance import ScipySignificance
from application.ab_test.looking import Looking
from application.application import Application, assemble
from application.ports import Caller, Context, DueClaim, Idempotency, Position, Reached
from application.ports_ab_tests import Place
from domain.ab_test.evidence import ArmEvidence, Evidence
from domain.ab_test.state import ABTestState
from domain.campaign.goals import Figures
from tests.examples.campaigns import ALICE, NOON

STUDIO = 1
ELSEWHERE = 2
FINAL = {"total": {"clicks": 12}, "position": "sealed"}


class CountingIds:
    """Ids that can be told from each other and foreseen."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> UUID:
        """The next."""
        self._last += 1
        return UUID(int=(0x0193 << 112) + (7 << 76) + (8 << 60) + self._last)


class FixedFigures:
    """Figures that never move."""

    async def of(self, workspace: int, id: UUID, *, as_of: Position | None = None) -> Reached:
        """The same for every campaign."""
        return Reached(Figures(conversions=3, revenue=5_997, engagement=12, spent="10.5"), engagement=7)

    async def final(self, workspace: int, id: UUID) -> dict[str, Any]:
        """The same for every campaign."""
        return FINAL


class NothingSeen:
    """Tests that nobody has shown anything."""

    async def of(self, workspace: int, state: ABTestState, *, as_of: Position | None = None) -> Evidence:
        """Every arm, empty."""
        return Evidence(tuple(ArmEvidence(name) for name in state.plan.names))


class Places:
    """Which test of a campaign lives, as long as none has ended."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, UUID], UUID] = {}

    async def claim(self, workspace: int, campaign: UUID, test: UUID) -> Place:
        """The first keeps it."""
        return Place(self._held.setdefault((workspace, campaign), test))

    async def release(self, workspace: int, campaign: UUID, test: UUID) -> None:
        """Free again."""
        self._held.pop((workspace, campaign), None)

    async def of(self, workspace: int, campaign: UUID) -> Place | None:
        """Who holds it."""
        found = self._held.get((workspace, campaign))
        return None if found is None else Place(found)


def without_tests() -> tuple[Places, Looking]:
    """What the application needs for A/B tests, where there is nothing to be seen."""
    return Places(), Looking(NothingSeen(), ScipySignificance())


@dataclass
class World:
    """The clock stands at noon until a test moves it."""

    clock: MemoryClock = field(default_factory=lambda: MemoryClock(NOON))
    store: MemoryEventStore = field(init=False)
    application: Application = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryEventStore(self.clock)
        self.application = assemble(self.store, CountingIds(), FixedFigures(), *without_tests())

    def asks(
        self,
        *,
        by: str = ALICE,
        workspace: int = STUDIO,
        at: datetime | None = None,
        if_match: int | None = None,
        idempotency: Idempotency | None = None,
        due: DueClaim | None = None,
        present: Any = None,
    ) -> Context:
        """The context of somebody's request."""
        caller = Caller(workspace, UUID(int=workspace), by, "owner")
        return Context(
            caller,
            at or self.clock.now(),
            correlation="request-1",
            if_match=None if if_match is None else frozenset({if_match}),
            idempotency=idempotency,
            due=due,
            present=present,
        )
