"""What can happen to an A/B test."""

from __future__ import annotations

from uuid import UUID

from domain.ab_test.allocation import Allocation
from domain.ab_test.assignment import Layout
from domain.ab_test.decision import Decision
from domain.ab_test.look import Look
from domain.ab_test.plan import Plan
from domain.shared.event import Created, Event
from domain.shared.position import Position


class ABTestEvent(Event):
    """A fact about one test; ``by`` is the opaque id of who decided it."""

    by: str


class ABTestCreated(ABTestEvent, Created):
    """A test was planned on a campaign. ``salt`` goes into every assignment and never changes."""

    TOPIC = "ab-test.created"

    campaign_id: UUID
    name: str
    plan: Plan
    salt: str


class ABTestStarted(ABTestEvent):
    """Contacts are assigned from now on, by this layout."""

    TOPIC = "ab-test.started"

    layout: Layout
    shares: tuple[float, ...]


class ABTestPlanChanged(ABTestEvent):
    """The plan is another one; ``fields`` names what changed. ``layout`` and ``shares`` are set where
    contacts were moved by it, which can only be after the start."""

    TOPIC = "ab-test.plan-changed"

    plan: Plan
    fields: tuple[str, ...]
    layout: Layout | None = None
    shares: tuple[float, ...] | None = None


class ABTestReallocated(ABTestEvent):
    """A bandit's step: the shares follow what the arms brought. ``allocation`` holds seed and chances,
    ``position`` the point of the log whose figures it followed, ``contacts`` how many these were of."""

    TOPIC = "ab-test.reallocated"

    allocation: Allocation
    layout: Layout
    position: Position | None = None
    contacts: int = 0


class ABTestLooked(ABTestEvent):
    """Somebody looked, and the look was recorded with all that it saw."""

    TOPIC = "ab-test.looked"

    look: Look


class ABTestCompleted(ABTestEvent):
    """The test ended as planned; ``look`` is what it found."""

    TOPIC = "ab-test.completed"

    look: Look


class ABTestCancelled(ABTestEvent):
    """The test was given up; ``look`` keeps what was learnt until then. None: it had not begun."""

    TOPIC = "ab-test.cancelled"

    look: Look | None = None


class ABTestWinnerDeclared(ABTestEvent):
    """The figures named a winner, and somebody, or the product by itself (``automatic``), took note."""

    TOPIC = "ab-test.winner-declared"

    look: Look
    winner: str
    automatic: bool = False


class ABTestWinnerApplied(ABTestEvent):
    """All contacts that are not held out get this arm from now on. ``declared`` is false where a person
    chose it without, or against, the figures."""

    TOPIC = "ab-test.winner-applied"

    winner: str
    layout: Layout
    declared: bool
    automatic: bool = False


class ABTestAlertRaised(ABTestEvent):
    """Facts that came late no longer name the declared winner. Nothing moves back by itself."""

    TOPIC = "ab-test.alert-raised"

    winner: str
    decision: Decision
    position: Position | None = None


EVENTS: tuple[type[ABTestEvent], ...] = (
    ABTestCreated,
    ABTestStarted,
    ABTestPlanChanged,
    ABTestReallocated,
    ABTestLooked,
    ABTestCompleted,
    ABTestCancelled,
    ABTestWinnerDeclared,
    ABTestWinnerApplied,
    ABTestAlertRaised,
)
