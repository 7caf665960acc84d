"""A campaign as the world sees it: one presentation for answers and lists."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.campaign.goals import Figures, progress
from domain.campaign.state import CampaignState, Failure
from domain.shared.times import written, written_or_none


def present(
    campaign_id: UUID,
    version: int,
    created_at: datetime,
    updated_at: datetime,
    state: CampaignState,
    figures: Figures | None,
) -> dict[str, Any]:
    """The resource of api.md §4, made of plain JSON values.

    ``spent.amount`` is an integer of minor units unless micros make a fraction of it. Without ``figures`` progress and
    spend are null.
    """
    return {
        "id": str(campaign_id),
        **state.settings.document(),
        "status": state.status.value,
        "version": version,
        "created_by": state.created_by,
        "created_at": written(created_at),
        "updated_at": written(updated_at),
        "started_at": written_or_none(state.started_at),
        "completed_at": written_or_none(state.completed_at),
        "deleted_at": written_or_none(state.deleted_at),
        "duplicate_of": None if state.duplicate_of is None else str(state.duplicate_of),
        "progress": None if figures is None else progress(state.settings.goals, figures),
        "spent": None if figures is None else _spent(figures, state.settings.currency),
        "readiness": None if state.readiness is None else state.readiness.document(),
        "failure": None if state.failure is None else _failure(state.failure),
        "final": state.final,
    }


def _spent(figures: Figures, currency: str) -> dict[str, Any]:
    return {"amount": _number(figures.spent), "currency": currency}


def _failure(failure: Failure) -> dict[str, Any]:
    return {"reason": failure.reason, "detail": failure.detail, "readiness": failure.report.document()}


def _number(text: str) -> int | float:
    amount = Decimal(text)
    return int(amount) if amount == amount.to_integral_value() else float(amount)
