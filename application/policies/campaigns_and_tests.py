"""A test goes with its campaign: it starts with its launch, and ends when the campaign ends.

A completed campaign completes its test, one that was cancelled, failed or deleted cancels it; a test that had not begun
is cancelled. A restored or unarchived campaign gets its test back by nobody: it may have another. A duplicate has none.
"""

from __future__ import annotations

from uuid import UUID

from application.ab_test.move_ab_test import Move, MoveABTest
from application.application import Application
from application.ports import Caller, Context, VersionConflict
from application.ports_ab_tests import POLICY, Followed, Follower, LiveTests
from domain.campaign.events import (
    CampaignCancelled,
    CampaignCompleted,
    CampaignDeleted,
    CampaignFailed,
    CampaignLaunched,
)
from domain.shared.errors import Conflict, NotFound

ACTOR = "system:policy"
TOPICS = frozenset(
    event.TOPIC
    for event in (CampaignLaunched, CampaignCompleted, CampaignCancelled, CampaignFailed, CampaignDeleted)
)
MOST = 200


async def follow_campaigns(follower: Follower, live: LiveTests, application: Application) -> int:
    """One round; answers how far in the log it came."""
    found = await follower.next(POLICY, TOPICS, MOST)
    if found is None:
        return 0
    events, mark = found
    for followed in events:
        await _deal_with(followed, live, application)
    await follower.done(POLICY, mark)
    return mark[1] - mark[0]


async def _deal_with(followed: Followed, live: LiveTests, application: Application) -> None:
    tests = await live.of(followed.workspace, followed.stream)
    if tests is None:
        return
    caller = Caller(followed.workspace, followed.workspace_id, ACTOR, "system")
    context = Context(caller, followed.recorded_at, followed.correlation, causation=followed.event_id)
    for command in _commands(followed, tests.holder):
        try:
            await application.move_ab_test(command, context)
        except VersionConflict:
            raise  # not decided: the round is run again
        except (Conflict, NotFound):
            continue  # it has been done before, by whomever, or another status came meanwhile
        return


def _commands(followed: Followed, test: UUID) -> list[MoveABTest]:
    """What to try, in this order, until one is allowed."""
    match followed.event:
        case CampaignLaunched():
            moves = [Move.START]
        case CampaignCompleted():
            moves = [Move.COMPLETE, Move.CANCEL]
        case _:
            moves = [Move.CANCEL]
    return [MoveABTest(test, move, cause=followed.recorded_at) for move in moves]
