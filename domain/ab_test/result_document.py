"""Results as api.md §6 writes them. What has no answer is null; a bound that is null is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domain.ab_test.analysis import Analysis, AnalysisRequest, ArmFigures, Comparison, Interval
from domain.ab_test.decision import Decision
from domain.ab_test.evidence import ArmEvidence, Denominator, Evidence
from domain.ab_test.resource import change_document, decision_document, plan_document
from domain.ab_test.result import Result
from domain.ab_test.samples import Proportion
from domain.ab_test.sizing import PlanAnswer
from domain.ab_test.state import ABTestState, Seen
from domain.shared.position import Position
from domain.shared.times import written, written_or_none

Sealed = Callable[[Position], str]


def result_document(test_id: str, state: ABTestState, result: Result, sealed: Sealed) -> dict[str, Any]:
    """The result of a test. ``position``, ``plan`` and ``seed`` are all that it takes to reckon it again: ask with
    ``as_of`` that position."""
    evidence, plan = result.evidence, result.plan
    bandit = plan.bandit
    arms = {arm.variant: arm for arm in evidence.arms}
    return {
        "test_id": test_id,
        "campaign_id": str(state.campaign_id),
        "status": result.status.value,
        "metric": plan.metric.value,
        "denominator": evidence.denominator.value,
        "analysis": plan.analysis.value,
        "confidence": plan.confidence,
        **_decided(result.decision),
        "variants": [_variant(figures, evidence, arms[figures.name]) for figures in result.analysis.arms],
        **_compared(result.analysis),
        "remaining": {
            "contacts": result.decision.remaining.contacts,
            "days": result.decision.remaining.days,
        },
        "looks": [_look(seen, sealed) for seen in state.looks],
        "crossed": evidence.crossed,
        "planned": None if result.planned is None else size_document(result.planned),
        "plan": plan_document(plan),
        "changes": [change_document(change) for change in result.changes],
        "seed": None if bandit is None else bandit.seed,
        "started_at": written_or_none(state.started_at),
        "ended_at": written_or_none(state.ended_at),
        "declared": state.winner,
        "applied": state.applied,
        "alert": None if state.alert is None else decision_document(state.alert),
        "position": None if evidence.position is None else sealed(evidence.position),
    }


def analysis_document(request: AnalysisRequest, analysis: Analysis, decision: Decision) -> dict[str, Any]:
    """The same about summaries that somebody brought; what these do not tell is null."""
    samples = {arm.name: arm.sample for arm in request.arms}
    proportions = all(isinstance(sample, Proportion) for sample in samples.values())
    conversions = {name: sample.conversions for name, sample in samples.items() if isinstance(sample, Proportion)}
    return {
        "test_id": None,
        "status": None,
        "metric": "conversion" if proportions else "revenue",
        "denominator": "contacts",
        "analysis": analysis.method.value,
        "confidence": request.confidence,
        **_decided(decision),
        "variants": [
            {
                "name": arm.name,
                "n": arm.n,
                "impressions": None,
                "clicks": None,
                "conversions": conversions.get(arm.name),
                "revenue": None,
                **_figures(arm),
            }
            for arm in analysis.arms
        ],
        **_compared(analysis),
        "remaining": {"contacts": None, "days": None},
        "looks": [],
    }


def size_document(planned: PlanAnswer) -> dict[str, Any]:
    """A size with the power that it has."""
    return {
        "n_per_variant": planned.n_per_variant,
        "power": planned.power,
        "days": planned.days,
        "formula": planned.formula,
    }


def _decided(decision: Decision) -> dict[str, Any]:
    return {"verdict": decision.verdict.value, "winner": decision.winner, "reasons": list(decision.reasons)}


def _compared(analysis: Analysis) -> dict[str, Any]:
    overall, ratio = analysis.overall, analysis.sample_ratio
    return {
        "comparisons": [_comparison(comparison) for comparison in analysis.comparisons],
        "rivals": [_comparison(comparison) for comparison in analysis.rivals],
        "overall": None
        if overall is None
        else {
            "statistic": overall.statistic,
            "degrees_of_freedom": overall.degrees_of_freedom,
            "p_value": overall.p_value,
        },
        "sample_ratio": None
        if ratio is None
        else {"statistic": ratio.statistic, "p_value": ratio.p_value, "ok": ratio.ok},
        "formula": analysis.formula,
    }


def _variant(figures: ArmFigures, evidence: Evidence, arm: ArmEvidence) -> dict[str, Any]:
    contacts = evidence.denominator is Denominator.CONTACTS
    return {
        "name": arm.variant,
        "n": evidence.size(arm),
        "impressions": arm.impressions,
        "clicks": arm.clicks,
        "conversions": arm.converted if contacts else arm.conversions,
        "revenue": arm.revenue,
        **_figures(figures),
        "contacts": arm.contacts,
        "clicked": arm.clicked,
        "engaged": arm.engaged,
        "guarded": {metric.value: count for metric, count in arm.guarded.items()},
    }


def _figures(arm: ArmFigures) -> dict[str, Any]:
    return {
        "rate": arm.rate,
        "interval": _interval(arm.interval),
        "mean": arm.mean,
        "variance": arm.variance,
        "note": arm.note,
    }


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        "variant": found.variant,
        "control": found.control,
        "difference": found.difference,
        "relative": found.relative,
        "interval": _interval(found.interval),
        "standard_error": found.standard_error,
        "statistic": found.statistic,
        "degrees_of_freedom": found.degrees_of_freedom,
        "p_value": found.p_value,
        "p_adjusted": found.p_adjusted,
        "posterior_mean": found.posterior_mean,
        "chance_to_beat": found.chance_to_beat,
        "expected_loss": found.expected_loss,
        "expected_loss_control": found.expected_loss_control,
        "significant": found.significant,
        "note": found.note,
    }


def _interval(interval: Interval | None) -> list[float | None] | None:
    return None if interval is None else list(interval)


def _look(seen: Seen, sealed: Sealed) -> dict[str, Any]:
    """One point of the plot over time."""
    look = seen.look
    return {
        "at": written(seen.at),
        "by": seen.by,
        "position": None if look.evidence.position is None else sealed(look.evidence.position),
        **_decided(look.decision),
        "variants": [{"name": arm.variant, "n": look.evidence.size(arm)} for arm in look.evidence.arms],
        "comparisons": [
            {
                "variant": found.variant,
                "control": found.control,
                "difference": found.difference,
                "interval": _interval(found.interval),
                "p_value": found.p_value,
                "p_adjusted": found.p_adjusted,
                "chance_to_beat": found.chance_to_beat,
                "significant": found.significant,
            }
            for found in look.comparisons
        ],
    }
