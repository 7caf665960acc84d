"""The A/B test: what it allows, and what then happened."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from domain.ab_test import events
from domain.ab_test.allocation import Allocation
from domain.ab_test.assignment import Split, assigned, first_layout, moved_layout
from domain.ab_test.decision import Status, Verdict
from domain.ab_test.errors import (
    NoBandit,
    NotAutomatic,
    NotStarted,
    NoWinnerYet,
    VariantsFixed,
    WinnerAlreadyApplied,
    WinnerAlreadyDeclared,
)
from domain.ab_test.look import Look
from domain.ab_test.plan import Plan
from domain.ab_test.state import ABTestState, begun, evolve
from domain.shared.aggregate import Aggregate
from domain.shared.errors import Fault, Invalid, MoveNotAllowed
from domain.shared.position import Position

LONGEST_NAME = 200
MOVES: dict[Status, tuple[str, ...]] = {
    Status.DRAFT: ("start", "cancel"),
    Status.RUNNING: ("looks", "complete", "cancel", "apply-winner"),
    Status.COMPLETED: ("looks", "apply-winner"),
    Status.CANCELLED: (),
}
"""What a client can ask for in each status, as the paths say it."""
STEPS: dict[Status, tuple[str, ...]] = {
    Status.DRAFT: ("change",),
    Status.RUNNING: ("change", "reallocate", "declare-winner"),
    Status.COMPLETED: ("declare-winner",),
    Status.CANCELLED: (),
}
"""What else may happen: a PATCH, and what the product does by itself."""


class ABTest(Aggregate):
    """One test of a campaign, from its plan to its winner.

    Commands take ``by`` (the opaque id of who asks) and ``at`` (now); what the figures say comes in as a
    ``Look``, never reckoned here. They raise MoveNotAllowed, Invalid, or a refusal of
    ``domain.ab_test.errors``.
    """

    KIND = "ab_test"
    STATE = ABTestState

    def __init__(self) -> None:
        self._state: ABTestState

    # How it begins, and how it is loaded

    @classmethod
    def create(
        cls, id: UUID, campaign_id: UUID, name: str, plan: Plan, *, by: str, at: datetime, salt: str = ""
    ) -> Self:
        """A new test. Its own id is the salt, unless contacts shall keep the arms of an earlier test's
        salt."""
        if not 1 <= len(name) <= LONGEST_NAME:
            raise Invalid([Fault("/name", "length", f"A name has 1 to {LONGEST_NAME} characters.")])
        return cls._create(
            events.ABTestCreated,
            id=id,
            campaign_id=campaign_id,
            name=name,
            plan=plan.checked(),
            salt=salt or str(id),
            by=by,
            timestamp=at,
        )

    @classmethod
    def from_state(
        cls, id: UUID, version: int, created_on: datetime, modified_on: datetime, state: ABTestState
    ) -> Self:
        """The test that a snapshot holds."""
        test = cls.__new__(cls)
        test.__base_init__(id, version, created_on)
        test.modified_on = modified_on
        test._state = state
        return test

    def state(self) -> ABTestState:
        """How it stands: all of it, in one immutable value."""
        return self._state

    # What its people decide

    def start(self, *, by: str, at: datetime) -> None:
        """Assign contacts from now on."""
        self.check("start")
        plan = self._state.plan
        self._happened(events.ABTestStarted, by, at, layout=first_layout(_split(plan)), shares=plan.shares)

    def change_plan(self, plan: Plan, *, by: str, at: datetime) -> None:
        """Another plan. After the start the variants stay, new shares move as few contacts as can be, and
        every result shows that the plan was changed."""
        self.check("change")
        before = self._state.plan
        changed = _changed(before, plan.checked())
        layout, shares = self._state.layout, None
        if layout is not None:
            if _arms(before) != _arms(plan):
                raise VariantsFixed
            moved = "holdout" in changed or before.shares != plan.shares
            layout = moved_layout(layout, _split(plan)) if moved else None
            shares = plan.shares if moved else None
        self._happened(events.ABTestPlanChanged, by, at, plan=plan, fields=changed, layout=layout, shares=shares)

    def record_look(self, look: Look, *, by: str, at: datetime) -> None:
        """Keep what somebody saw now."""
        self.check("looks")
        self._happened(events.ABTestLooked, by, at, look=look)

    def complete(self, look: Look, *, by: str, at: datetime) -> None:
        """End as planned, with what was found."""
        self.check("complete")
        self._happened(events.ABTestCompleted, by, at, look=look)

    def cancel(self, look: Look | None = None, *, by: str, at: datetime) -> None:
        """Give it up, and keep what was learnt."""
        self.check("cancel")
        self._happened(events.ABTestCancelled, by, at, look=look)

    def declare_winner(self, look: Look, *, by: str, at: datetime, automatic: bool = False) -> None:
        """Take note that the figures name a winner."""
        self.check("declare-winner")
        winner = look.decision.winner
        if look.decision.verdict is not Verdict.WINNER or winner is None:
            raise NoWinnerYet
        if winner == self._state.winner:
            raise WinnerAlreadyDeclared
        self._happened(events.ABTestWinnerDeclared, by, at, look=look, winner=winner, automatic=automatic)

    def apply_winner(self, variant: str | None = None, *, by: str, at: datetime) -> None:
        """Give all contacts that are not held out the declared winner, or the variant that a person names."""
        self._apply(variant or self._state.winner, by, at, automatic=False)

    # What the product does by itself

    def apply_winner_automatically(self, look: Look, *, by: str, at: datetime) -> None:
        """Declare and apply the winner that the figures name, where the plan says so. Once: a second worker
        is refused."""
        if not self._state.plan.auto_apply:
            raise NotAutomatic
        if self._state.applied is not None:
            raise WinnerAlreadyApplied
        if look.decision.winner is None or look.decision.winner != self._state.winner:
            self.declare_winner(look, by=by, at=at, automatic=True)
        self._apply(self._state.winner, by, at, automatic=True)

    def review(self, look: Look, *, by: str, at: datetime) -> bool:
        """Hold later figures against the declared winner; raise an alert, once, where they no longer name it.

        Answers whether an alert was raised. Nothing moves back by itself.
        """
        winner, decision = self._state.winner, look.decision
        if winner is None or decision.winner == winner:
            return False
        alert = self._state.alert
        if alert is not None and (alert.verdict, alert.winner) == (decision.verdict, decision.winner):
            return False
        self._happened(
            events.ABTestAlertRaised,
            by,
            at,
            winner=winner,
            decision=decision,
            position=look.evidence.position,
        )
        return True

    def reallocate(
        self, allocation: Allocation, *, by: str, at: datetime, position: Position | None, contacts: int = 0
    ) -> None:
        """A bandit's step, by the shares that ``next_seed`` gave and the figures of ``contacts`` there."""
        self.check("reallocate")
        layout, plan = self._state.layout, self._state.plan
        if plan.bandit is None or layout is None:
            raise NoBandit
        split = Split(plan.names, allocation.shares, plan.holdout)
        self._happened(
            events.ABTestReallocated,
            by,
            at,
            allocation=allocation,
            layout=moved_layout(layout, split),
            position=position,
            contacts=contacts,
        )

    def due_work(self) -> dict[str, datetime | None]:
        """From when on it is judged: while it runs, and afterwards while late facts may speak against its winner."""
        state = self._state
        judged = state.status is Status.RUNNING or (state.status is Status.COMPLETED and state.winner is not None)
        return {"judge": state.started_at if judged else None}

    # What it knows

    def assign(self, contact: str) -> str | None:
        """The arm of a contact, None where it is held out. Records nothing. NotStarted before the start."""
        layout = self._state.layout
        if layout is None:
            raise NotStarted
        return assigned(layout, self._state.salt, contact)

    def next_seed(self) -> int:
        """The seed of the bandit's next step: the plan's, one on for each step taken. NoBandit."""
        plan = self._state.plan
        if plan.bandit is None:
            raise NoBandit
        return plan.bandit.seed + sum(allocated.seed is not None for allocated in self._state.allocations)

    def when(self, event: Any) -> None:
        """Take over what the event says."""
        if isinstance(event, events.ABTestCreated):
            self._state = begun(event)
        else:
            self._state = evolve(self._state, event)

    def _apply(self, winner: str | None, by: str, at: datetime, *, automatic: bool) -> None:
        self.check("apply-winner")
        plan, layout = self._state.plan, self._state.layout
        if self._state.applied is not None:
            raise WinnerAlreadyApplied
        if winner is None:
            raise NoWinnerYet
        if winner not in plan.names:
            raise Invalid([Fault("/variant", "choice", f"Must be one of: {', '.join(plan.names)}.")])
        self._happened(
            events.ABTestWinnerApplied,
            by,
            at,
            winner=winner,
            layout=moved_layout(layout or (), Split((winner,), (1.0,), plan.holdout)),
            declared=winner == self._state.winner,
            automatic=automatic,
        )

    def check(self, move: str) -> None:
        """MoveNotAllowed where the status does not allow this move."""
        status = self._state.status
        if move not in MOVES[status] + STEPS[status]:
            raise MoveNotAllowed(move, status.value, list(MOVES[status]))

    def _happened(self, event: type[events.ABTestEvent], by: str, at: datetime, **facts: Any) -> None:
        self.trigger_event(event, by=by, timestamp=at, **facts)


def _split(plan: Plan) -> Split:
    return Split(plan.names, tuple(variant.share for variant in plan.variants), plan.holdout)


def _arms(plan: Plan) -> tuple[tuple[str, bool], ...]:
    return tuple((variant.name, variant.control) for variant in plan.variants)


def _changed(before: Plan, after: Plan) -> tuple[str, ...]:
    return tuple(field.name for field in fields(Plan) if getattr(before, field.name) != getattr(after, field.name))
