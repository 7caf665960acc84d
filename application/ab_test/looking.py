"""One look at a test: its evidence at this moment, judged by its plan."""

from __future__ import annotations

from dataclasses import dataclass

from application.evaluate_ab_test import evaluate
from application.ports_ab_tests import Evidences
from application.ports_statistics import SignificanceTest
from domain.ab_test.decision import Status
from domain.ab_test.result import Result
from domain.ab_test.state import ABTestState
from domain.shared.position import Position


@dataclass(frozen=True)
class Looking:
    """Reads and reckons; changes nothing."""

    evidence: Evidences
    statistics: SignificanceTest

    async def at(
        self, workspace: int, state: ABTestState, *, status: Status | None = None, as_of: Position | None = None
    ) -> Result:
        """The result of a test, as it is or as if it had another ``status``."""
        evidence = await self.evidence.of(workspace, state, as_of=as_of)
        return evaluate(state.plan, status or state.status, evidence, self.statistics, state.changes)
