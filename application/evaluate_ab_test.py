"""A test judged from its plan and what it has seen: a pure function of both, for every route, look and
policy."""

from __future__ import annotations

import math

from application.ports_statistics import SignificanceTest
from domain.ab_test.analysis import Analysis, AnalysisRequest, Arm, ArmFigures, Method, RatioPhase
from domain.ab_test.decision import Decision, Status, decide, decide_summaries, with_changes
from domain.ab_test.evidence import Evidence
from domain.ab_test.plan import Approach, Change, Metric, Plan
from domain.ab_test.result import Result
from domain.ab_test.sizing import PlanAnswer, PlanRequest
from domain.shared.errors import Invalid

_METHODS = {Approach.SEQUENTIAL: Method.SEQUENTIAL, Approach.BAYESIAN: Method.BAYESIAN}


def evaluate(
    plan: Plan,
    status: Status,
    evidence: Evidence,
    statistics: SignificanceTest,
    changes: tuple[Change, ...] = (),
) -> Result:
    """The result at the evidence's position. ``evidence.arms`` are in the plan's order; ``changes`` are
    those of the plan after the start, which the result shows."""
    request = analysis_request(plan, evidence)
    analysis = statistics.analyse(request)
    control = next(arm for arm in analysis.arms if arm.name == request.control)
    planned = planned_size(plan, control, statistics)
    decision = with_changes(decide(plan, status, evidence, analysis, planned), changes)
    return Result(plan, status, evidence, analysis, decision, planned, changes)


def analyse_summaries(request: AnalysisRequest, statistics: SignificanceTest) -> tuple[Analysis, Decision]:
    """What ``POST /v1/ab-tests/analyse`` answers."""
    analysis = statistics.analyse(request)
    return analysis, decide_summaries(analysis)


def analysis_request(plan: Plan, evidence: Evidence) -> AnalysisRequest:
    """What the plan asks of the statistics about this evidence."""
    fixed = Method.WELCH if plan.metric is Metric.REVENUE else Method.Z_POOLED
    phases = () if evidence.phases is None else tuple(RatioPhase(p.contacts, p.shares) for p in evidence.phases)
    if evidence.phases == ():
        phases = (RatioPhase(tuple(evidence.size(arm) for arm in evidence.arms), plan.shares),)
    return AnalysisRequest(
        arms=tuple(Arm(arm.variant, evidence.sample(plan.metric, arm)) for arm in evidence.arms),
        control=plan.control.name,
        method=_METHODS.get(plan.analysis, fixed),
        phases=phases,
        confidence=plan.confidence,
        correction=plan.correction,
        tuning=plan.tuning,
    )


def planned_size(plan: Plan, control: ArmFigures, statistics: SignificanceTest) -> PlanAnswer | None:
    """The size that finds the plan's minimum effect over its baseline, or over the control's figure so far.

    None where the control has brought nothing yet, or where the effect cannot exist (a rate above one).
    """
    baseline = plan.baseline or control.rate or control.mean
    deviation = math.sqrt(control.variance or 0.0) if plan.metric is Metric.REVENUE else None
    if not baseline or baseline < 0 or deviation == 0:
        return None
    try:
        return statistics.plan(
            PlanRequest(
                baseline=baseline,
                minimum_effect=plan.minimum_effect,
                relative=True,
                confidence=plan.confidence,
                power=plan.power,
                variants=len(plan.variants),
                deviation=deviation,
                correction=plan.correction,
                analysis=Approach.SEQUENTIAL if plan.analysis is Approach.SEQUENTIAL else Approach.FIXED,
                tuning=plan.tuning,
            )
        )
    except Invalid:
        return None
