"""The product with a bug put into it: ``BUG=name python -m tests.support.planted api …``. For tests of tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, cast
from unittest.mock import patch

from adapters.engagement_log.log import PostgresFactLog
from adapters.read_models.reader import PostgresReads
from api import commands
from application.ports_facts import RecordedFacts
from domain.campaign import moves
from domain.campaign.moves import Move
from domain.campaign.state import CampaignState, evolve
from domain.campaign.words import Status
from domain.engagement.fact import Fact
from domain.shared.event import Event
from infra import cli
from projections import campaign_list

PROGRAM = ("tests.support.planted",)

_record = PostgresFactLog.record


async def _orders_forgotten(self: PostgresFactLog, workspace: int, facts: Sequence[Fact]) -> RecordedFacts:
    return await _record(self, workspace, [replace(fact, order_id=None) for fact in facts])


async def _voids_miss(self: PostgresFactLog, workspace: int, facts: Sequence[Fact]) -> RecordedFacts:
    missing = [replace(fact, voids=f"{fact.voids}?") if fact.voids else fact for fact in facts]
    return await _record(self, workspace, missing)


async def _never_waiting(self: PostgresReads, *asked: Any, **named: Any) -> bool:
    return True


UNFOLDABLE = "Poison"
"""Begins the name of campaigns that the fold of ``FAULTS`` fails on."""


def _unfoldable(state: CampaignState, *events: Event) -> CampaignState:
    if state.settings.name.startswith(UNFOLDABLE):
        raise ValueError("a fault of the fold")
    return evolve(state, *events)


BUGS: dict[str, AbstractContextManager[Any]] = {
    "a move too many": patch.dict(
        cast(dict[Status, Any], moves.MOVES), {Status.PAUSED: (*moves.MOVES[Status.PAUSED], Move.ARCHIVE)}
    ),
    "orders forgotten": patch.object(PostgresFactLog, "record", _orders_forgotten),
    "voids miss": patch.object(PostgresFactLog, "record", _voids_miss),
    "stale reads": patch.object(PostgresReads, "wait_for", _never_waiting),
    "keys ignored": patch.object(commands, "idempotency_key", lambda request: None),
    "versions ignored": patch.object(commands, "if_match", lambda request: None),
}

# What no client meets at once: for tests of their own.
FAULTS: dict[str, AbstractContextManager[Any]] = {
    "a fold fails": patch.object(campaign_list, "evolve", _unfoldable)
}


if __name__ == "__main__":
    with (BUGS | FAULTS)[os.environ["BUG"]]:
        cli.main()
