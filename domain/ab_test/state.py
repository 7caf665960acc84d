"""How a test stands, and how each fact changes that. Pure: the aggregate, its snapshots and read models
fold with ``evolve``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.ab_test.assignment import Layout
from domain.ab_test.decision import Decision, Status
from domain.ab_test.events import (
    ABTestAlertRaised,
    ABTestCancelled,
    ABTestCompleted,
    ABTestCreated,
    ABTestEvent,
    ABTestLooked,
    ABTestPlanChanged,
    ABTestReallocated,
    ABTestStarted,
    ABTestWinnerApplied,
    ABTestWinnerDeclared,
)
from domain.ab_test.look import Look
from domain.ab_test.plan import Change, Plan


@dataclass(frozen=True)
class AllocatedAt:
    """Shares and layout from a moment on; the chain of them tells where any contact was at any time. A bandit's
    step has its ``seed`` and the ``contacts`` that it followed."""

    at: datetime
    shares: tuple[float, ...]
    layout: Layout
    seed: int | None = None
    contacts: int = 0


@dataclass(frozen=True)
class Seen:
    """A recorded look with its time and who looked."""

    at: datetime
    by: str
    look: Look


@dataclass(frozen=True)
class ABTestState:
    """Everything that the events of a test have said so far.

    ``winner`` is what the figures named when it was declared, ``applied`` the arm that all contacts get now;
    ``alert`` is the verdict that no longer names the winner.
    """

    campaign_id: UUID
    name: str
    plan: Plan
    salt: str
    created_by: str
    status: Status = Status.DRAFT
    started_at: datetime | None = None
    ended_at: datetime | None = None
    allocations: tuple[AllocatedAt, ...] = ()
    changes: tuple[Change, ...] = ()
    looks: tuple[Seen, ...] = ()
    learnt: Look | None = None
    winner: str | None = None
    applied: str | None = None
    alert: Decision | None = None

    @property
    def layout(self) -> Layout | None:
        """Who gets which arm now; None before the start."""
        return self.allocations[-1].layout if self.allocations else None

    @property
    def shares(self) -> tuple[float, ...]:
        """The arms' parts of those who take part, as they are now."""
        return self.allocations[-1].shares if self.allocations else self.plan.shares


def begun(event: ABTestCreated) -> ABTestState:
    """The state after the first event."""
    return ABTestState(event.campaign_id, event.name, event.plan, event.salt, event.by)


def evolve(state: ABTestState, event: ABTestEvent) -> ABTestState:
    """The state after one more event. Only assigns."""
    at, by = event.timestamp, event.by
    match event:
        case ABTestStarted(layout=layout, shares=shares):
            allocated = AllocatedAt(at, shares, layout)
            return replace(state, status=Status.RUNNING, started_at=at, allocations=(allocated,))
        case ABTestPlanChanged(plan=plan, fields=fields, layout=layout, shares=shares):
            state = replace(state, plan=plan)
            if state.started_at is not None and fields:
                state = replace(state, changes=(*state.changes, Change(at, by, fields)))
            if layout is not None and shares is not None:
                state = replace(state, allocations=(*state.allocations, AllocatedAt(at, shares, layout)))
            return state
        case ABTestReallocated(allocation=allocation, layout=layout, contacts=contacts):
            allocated = AllocatedAt(at, allocation.shares, layout, allocation.seed, contacts)
            return replace(state, allocations=(*state.allocations, allocated))
        case ABTestLooked(look=look):
            return replace(state, looks=(*state.looks, Seen(at, by, look)))
        case ABTestCompleted(look=look):
            return replace(state, status=Status.COMPLETED, ended_at=at, learnt=look)
        case ABTestCancelled(look=look):
            return replace(state, status=Status.CANCELLED, ended_at=at, learnt=look)
        case ABTestWinnerDeclared(winner=winner, look=look):
            return replace(state, winner=winner, learnt=look, alert=None)
        case ABTestWinnerApplied(winner=winner, layout=layout):
            shares = tuple(float(name == winner) for name in state.plan.names)
            return replace(
                state,
                status=Status.COMPLETED,
                ended_at=state.ended_at or at,
                applied=winner,
                allocations=(*state.allocations, AllocatedAt(at, shares, layout)),
            )
        case ABTestAlertRaised(decision=decision):
            return replace(state, alert=decision)
    raise TypeError(f"an A/B test does not know {type(event).__name__}")
