"""A test as the world sees it: one presentation for answers and lists, in plain JSON values."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.ab_test.decision import Decision
from domain.ab_test.plan import Change, Plan
from domain.ab_test.state import ABTestState
from domain.shared.times import written, written_or_none


def present(id: UUID, version: int, created_at: datetime, updated_at: datetime, state: ABTestState) -> dict[str, Any]:
    """The resource of api.md §6. ``salt`` and ``layout`` are all that one needs to tell any contact's arm
    (docs/assignment.md)."""
    return {
        "id": str(id),
        "campaign_id": str(state.campaign_id),
        "name": state.name,
        **plan_document(state.plan),
        "status": state.status.value,
        "version": version,
        "created_by": state.created_by,
        "created_at": written(created_at),
        "updated_at": written(updated_at),
        "started_at": written_or_none(state.started_at),
        "ended_at": written_or_none(state.ended_at),
        "salt": state.salt,
        "shares": dict(zip(state.plan.names, state.shares, strict=True)),
        "layout": None
        if state.layout is None
        else [{"upto": stretch.upto, "variant": stretch.variant} for stretch in state.layout],
        "winner": state.winner,
        "applied": state.applied,
        "alert": None if state.alert is None else decision_document(state.alert),
        "changes": [change_document(change) for change in state.changes],
    }


def plan_document(plan: Plan) -> dict[str, Any]:
    """A plan as it is sent and answered."""
    minimum, bandit = plan.minimum_sample, plan.bandit
    return {
        "metric": plan.metric.value,
        "variants": [
            {
                "name": variant.name,
                "control": variant.control,
                "share": variant.share,
                "content": variant.content,
            }
            for variant in plan.variants
        ],
        "analysis": plan.analysis.value,
        "confidence": plan.confidence,
        "minimum_effect": plan.minimum_effect,
        "correction": plan.correction.value,
        "minimum_sample": {
            "impressions": minimum.impressions,
            "clicks": minimum.clicks,
            "conversions": minimum.conversions,
        },
        "guardrails": [
            {"metric": guardrail.metric.value, "at_most": guardrail.at_most} for guardrail in plan.guardrails
        ],
        "holdout": plan.holdout,
        "auto_apply": plan.auto_apply,
        "power": plan.power,
        "baseline": plan.baseline,
        "tuning": plan.tuning,
        "winsorise_at": plan.winsorise_at,
        "bandit": None if bandit is None else {"seed": bandit.seed, "floor": bandit.floor},
    }


def decision_document(decision: Decision) -> dict[str, Any]:
    """A verdict with its reasons."""
    return {"verdict": decision.verdict.value, "winner": decision.winner, "reasons": list(decision.reasons)}


def change_document(change: Change) -> dict[str, Any]:
    """A change of the plan after the start."""
    return {"at": written(change.at), "by": change.by, "fields": list(change.fields)}
