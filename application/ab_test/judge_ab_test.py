"""Judge a test by itself: what it does when nobody asks.

A running test is looked at now and then. A winner is declared, and applied where the plan says so; a fixed test is
completed at its planned size; a bandit's shares follow the figures; a look is kept where the verdict changed or the
test grew by a tenth, so that their number grows with the logarithm of the facts. After its end a declared winner is
held against what comes late. Twice is as good as once: every step asks the aggregate, which refuses the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from application.ab_test.looking import Looking
from application.loading import record
from application.ports import Caller, Context, EventStore, VersionConflict
from application.ports_statistics import SignificanceTest
from domain.ab_test.ab_test import ABTest
from domain.ab_test.allocation import AllocationRequest
from domain.ab_test.analysis import Arm
from domain.ab_test.decision import Status, Verdict
from domain.ab_test.evidence import Evidence
from domain.ab_test.look import Look
from domain.ab_test.plan import Approach
from domain.ab_test.result import Result
from domain.ab_test.samples import Unusable

JUDGE = "system:judge"
GROWTH = 1.1
"""A look is kept, and a bandit steps, when so many times as many contacts have come as at the last one."""
FIRST_STEP = 100
"""Contacts in each arm, on average, before a bandit's first step."""
REVIEWED = timedelta(days=90)
"""So long after its end a winner is held against facts that come late."""


class Judged(Enum):
    """What became of a round."""

    NOTHING = "nothing was new"
    CHANGED = "something was recorded"
    OVER = "nothing can come any more"


@dataclass(frozen=True)
class JudgeABTest:
    """Judges one test; ``seen`` is what it had been judged by before, to tell quickly that nothing is new."""

    store: EventStore
    looking: Looking
    statistics: SignificanceTest

    async def __call__(
        self, caller: Caller, id: UUID, at: datetime, correlation: str, seen: Evidence | None = None
    ) -> tuple[Judged, Evidence | None]:
        """One round: what became of it, and the evidence it was judged by. NotFound."""
        test = await self.store.get(ABTest, caller.workspace, id)
        state = test.state()
        if _over(test, at):
            return Judged.OVER, None
        result = await self.looking.at(caller.workspace, state)
        if seen is not None and _same(seen, result.evidence):
            return Judged.NOTHING, seen
        if state.status is Status.RUNNING:
            await self._run(test, result, caller, at)
        if test.state().winner is not None and state.winner is not None:
            test.review(Look.at(result), by=JUDGE, at=at)
        if not test.pending_events:
            return Judged.NOTHING, result.evidence
        try:
            await record(self.store, test, Context(caller, at, correlation))
        except VersionConflict:
            return Judged.NOTHING, None
        return Judged.CHANGED, result.evidence

    async def _run(self, test: ABTest, result: Result, caller: Caller, at: datetime) -> None:
        """What a running test does about its figures."""
        if _has_its_size(result):
            result = await self.looking.at(caller.workspace, test.state(), status=Status.COMPLETED)
            test.complete(Look.at(result), by=JUDGE, at=at)
        elif _worth_keeping(test, result):
            test.record_look(Look.at(result), by=JUDGE, at=at)
        if result.decision.verdict is Verdict.WINNER and test.state().winner is None:
            if test.state().plan.auto_apply:
                test.apply_winner_automatically(Look.at(result), by=JUDGE, at=at)
            else:
                test.declare_winner(Look.at(result), by=JUDGE, at=at, automatic=True)
        if test.state().status is Status.RUNNING:
            self._step(test, result, at)

    def _step(self, test: ABTest, result: Result, at: datetime) -> None:
        """A bandit's step, once enough has come since the last one; never on figures that cannot be trusted."""
        plan, evidence = test.state().plan, result.evidence
        if plan.bandit is None or result.decision.verdict is Verdict.UNHEALTHY:
            return
        last = max((allocated.contacts for allocated in test.state().allocations), default=0)
        size = sum(evidence.size(arm) for arm in evidence.arms)
        if size < FIRST_STEP * len(evidence.arms) or size < GROWTH * last:
            return
        arms = tuple(Arm(arm.variant, evidence.sample(plan.metric, arm)) for arm in evidence.arms)
        if any(isinstance(arm.sample, Unusable) for arm in arms):
            return
        step = self.statistics.allocate(AllocationRequest(arms, test.next_seed(), plan.bandit.floor))
        test.reallocate(step, by=JUDGE, at=at, position=evidence.position, contacts=size)


def _over(test: ABTest, at: datetime) -> bool:
    """Whether nothing that comes can matter any more."""
    state = test.state()
    if state.status is Status.RUNNING:
        return False
    reviewed = state.winner is not None and state.status is Status.COMPLETED
    return not reviewed or state.ended_at is None or at > state.ended_at + REVIEWED


def _same(seen: Evidence, now: Evidence) -> bool:
    return (seen.arms, seen.crossed, seen.phases) == (now.arms, now.crossed, now.phases)


def _has_its_size(result: Result) -> bool:
    """A fixed test that has as many in each arm as it was planned for."""
    if result.plan.analysis is not Approach.FIXED or result.planned is None:
        return False
    evidence = result.evidence
    return all(evidence.size(arm) >= result.planned.n_per_variant for arm in evidence.arms)


def _worth_keeping(test: ABTest, result: Result) -> bool:
    looks = test.state().looks
    size = sum(result.evidence.size(arm) for arm in result.evidence.arms)
    if not looks:
        return size > 0
    last = looks[-1].look
    if last.decision.verdict is not result.decision.verdict or last.decision.winner != result.decision.winner:
        return True
    before = sum(last.evidence.size(arm) for arm in last.evidence.arms)
    return size >= GROWTH * before + 1

