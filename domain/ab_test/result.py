"""The answer about a test: figures, verdict, and everything needed to reckon it again years later."""

from __future__ import annotations

from dataclasses import dataclass

from domain.ab_test.analysis import Analysis
from domain.ab_test.decision import Decision, Status
from domain.ab_test.evidence import Evidence
from domain.ab_test.plan import Change, Plan
from domain.ab_test.sizing import PlanAnswer


@dataclass(frozen=True)
class Result:
    """``evidence`` names the position it reflects, ``plan`` every setting and a bandit's seed. ``planned``
    is the size that the plan asks for, None while the control has brought nothing to reckon it from."""

    plan: Plan
    status: Status
    evidence: Evidence
    analysis: Analysis
    decision: Decision
    planned: PlanAnswer | None
    changes: tuple[Change, ...] = ()
