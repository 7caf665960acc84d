"""Ask a test for one of its moves: start, look, complete, cancel, apply the winner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from application.ab_test.looking import Looking
from application.loading import load, record
from application.ports import Context, EventStore, Recorded
from application.ports_ab_tests import LiveTests
from domain.ab_test.ab_test import ABTest
from domain.ab_test.decision import Status, Verdict
from domain.ab_test.errors import CampaignHasLiveTest, CampaignNotActive, PlannedLater
from domain.ab_test.look import Look
from domain.campaign.campaign import Campaign
from domain.campaign.words import Status as CampaignStatus
from domain.shared.errors import Invalid
from domain.shared.reading import document


class Move(StrEnum):
    """What one can ask a test to do, as the paths say it."""

    START = "start"
    LOOK = "looks"
    COMPLETE = "complete"
    CANCEL = "cancel"
    APPLY_WINNER = "apply-winner"


@dataclass(frozen=True)
class MoveABTest:
    """``details`` is the body: a ``variant`` for apply-winner, nothing or ``{}`` for all others. ``cause`` is when that
    happened to the campaign from which the move follows; a test that was planned later has nothing to do with it."""

    id: UUID
    move: Move
    details: Any = None
    cause: datetime | None = None


@dataclass(frozen=True)
class MoveABTestHandler:
    """Raises NotFound, Invalid, MoveNotAllowed, CampaignNotActive, NoWinnerYet, WinnerAlreadyApplied."""

    store: EventStore
    live: LiveTests
    looking: Looking

    async def __call__(self, command: MoveABTest, context: Context) -> tuple[ABTest, Recorded]:
        """Load, look where the move keeps what it saw, move, save."""
        variant = _variant(command)
        test = await load(self.store, ABTest, command.id, context)
        if command.cause is not None and test.created_on > command.cause:
            raise PlannedLater
        by, at = context.caller.actor, context.at
        match command.move:
            case Move.START:
                await self._check_start(test, command, context)
                test.start(by=by, at=at)
            case Move.LOOK:
                test.check("looks")
                test.record_look(await self._look(test, context), by=by, at=at)
            case Move.COMPLETE:
                test.check("complete")
                test.complete(await self._look(test, context, Status.COMPLETED), by=by, at=at)
            case Move.CANCEL:
                test.check("cancel")
                begun = test.state().started_at is not None
                look = await self._look(test, context, Status.CANCELLED) if begun else None
                test.cancel(look, by=by, at=at)
            case Move.APPLY_WINNER:
                await self._apply(test, variant, context)
        return test, await record(self.store, test, context)

    async def _look(self, test: ABTest, context: Context, status: Status | None = None) -> Look:
        return Look.at(await self.looking.at(context.caller.workspace, test.state(), status=status))

    async def _check_start(self, test: ABTest, command: MoveABTest, context: Context) -> None:
        """A campaign that runs, and no other test in its place. A pause right after a launch holds nothing up."""
        test.check("start")
        workspace, id = context.caller.workspace, test.state().campaign_id
        campaign = await self.store.get(Campaign, workspace, id)
        runs = {CampaignStatus.ACTIVE, CampaignStatus.PAUSED} if command.cause else {CampaignStatus.ACTIVE}
        if campaign.state().deleted or campaign.status not in runs:
            raise CampaignNotActive
        found = await self.live.of(workspace, id)
        if found is not None and found.holder != test.id:
            raise CampaignHasLiveTest

    async def _apply(self, test: ABTest, variant: str | None, context: Context) -> None:
        """The variant that is named, or the declared winner, or the one that the figures name just now."""
        test.check("apply-winner")
        by, at = context.caller.actor, context.at
        if variant is None and test.state().winner is None:
            look = await self._look(test, context)
            if look.decision.verdict is Verdict.WINNER:
                test.declare_winner(look, by=by, at=at)
        test.apply_winner(variant, by=by, at=at)


def _variant(command: MoveABTest) -> str | None:
    body = document({} if command.details is None else command.details)
    body.fields(("variant",) if command.move is Move.APPLY_WINNER else ())
    variant = body.field("variant").text(64, 1)
    if body.faults:
        raise Invalid(body.faults)
    return variant
