"""Each use case loads, decides and saves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from application.campaign.change_campaign import ChangeCampaign
from application.campaign.draft_campaign import DraftCampaign
from application.campaign.duplicate_campaign import DuplicateCampaign
from application.campaign.move_campaign import MoveCampaign
from application.campaign.run_due_work import DueWork, RunDueWork
from application.ports import Fenced, PreconditionFailed
from domain.campaign.campaign import Campaign
from domain.campaign.errors import CampaignNotReady, NothingDue
from domain.campaign.moves import Move
from domain.shared.errors import AlreadyExists, Invalid, MoveNotAllowed, NotFound
from tests.examples.campaigns import AUTUMN, BOB, THE_PRODUCT, autumn_email, minimal
from tests.examples.worlds import ELSEWHERE, FINAL, STUDIO, World


@pytest.fixture
def world() -> World:
    return World()


async def drafted(world: World, **changes: Any) -> UUID:
    command = DraftCampaign(autumn_email() | {"id": str(AUTUMN)} | changes)
    campaign, _ = await world.application.draft_campaign(command, world.asks())
    return campaign.id


async def moved(world: World, move: Move, details: Any = None, **asked: Any) -> Campaign:
    campaign, _ = await world.application.move_campaign(
        MoveCampaign(AUTUMN, move, details), world.asks(**asked)
    )
    return campaign


async def stored(world: World, id: UUID = AUTUMN) -> Campaign:
    return await world.store.get(Campaign, STUDIO, id)


@pytest.mark.req("CAM-1", "EVT-1")
async def test_a_draft_is_written_down(world: World) -> None:
    campaign, recorded = await world.application.draft_campaign(DraftCampaign(minimal()), world.asks(by=BOB))

    assert (recorded.version, recorded.position.events) == (1, 1)
    found = await stored(world, campaign.id)
    assert found.state() == campaign.state()
    assert found.state().created_by == BOB
    (entry,) = await world.store.history(Campaign, STUDIO, campaign.id)
    assert (entry.actor, entry.correlation) == (BOB, "request-1")


@pytest.mark.req("CAM-1")
async def test_an_id_is_taken_once_in_a_workspace_and_free_in_another(world: World) -> None:
    await drafted(world)

    with pytest.raises(AlreadyExists):
        await drafted(world)
    command = DraftCampaign(minimal() | {"id": str(AUTUMN)})
    _, recorded = await world.application.draft_campaign(command, world.asks(workspace=ELSEWHERE))
    assert recorded.version == 1
    assert (await stored(world)).settings.name == "Autumn e-mail"


async def test_another_workspace_does_not_see_it(world: World) -> None:
    await drafted(world)

    with pytest.raises(NotFound):
        await moved(world, Move.LAUNCH, workspace=ELSEWHERE)


@pytest.mark.req("CAM-3")
async def test_every_move_is_one_event_of_its_stream(world: World) -> None:
    await drafted(world)
    path = ["schedule", "unschedule", "launch", "pause", "resume", "complete", "archive", "unarchive"]

    for move in (*path, "delete", "restore"):
        await moved(world, Move(move))

    entries = await world.store.history(Campaign, STUDIO, AUTUMN)
    assert [entry.event.TOPIC for entry in entries] == [
        "campaign.drafted",
        "campaign.scheduled",
        "campaign.unscheduled",
        "campaign.launched",
        "campaign.paused",
        "campaign.resumed",
        "campaign.completed",
        "campaign.archived",
        "campaign.unarchived",
        "campaign.deleted",
        "campaign.restored",
    ]
    assert [entry.event.originator_version for entry in entries] == list(range(1, 12))


async def test_a_cancelled_campaign_is_cancelled(world: World) -> None:
    await drafted(world)

    assert (await moved(world, Move.CANCEL)).status == "cancelled"


@pytest.mark.req("CAM-3")
async def test_completion_stores_the_final_metrics(world: World) -> None:
    await drafted(world)
    await moved(world, Move.LAUNCH)

    await moved(world, Move.COMPLETE)

    assert (await stored(world)).state().final == FINAL


async def test_a_refused_command_leaves_no_event(world: World) -> None:
    await drafted(world, platforms=[])

    with pytest.raises(CampaignNotReady):
        await moved(world, Move.LAUNCH)
    with pytest.raises(MoveNotAllowed):
        await moved(world, Move.PAUSE)
    with pytest.raises(Invalid):
        await moved(world, Move.SCHEDULE, {"starts_at": "2020-01-01T00:00:00Z"})
    assert (await stored(world)).version == 1


@pytest.mark.parametrize("details", [{"now": True}, [], "now"])
async def test_a_plain_move_takes_no_details(world: World, details: Any) -> None:
    await drafted(world)

    with pytest.raises(Invalid):
        await moved(world, Move.LAUNCH, details)
    assert (await moved(world, Move.LAUNCH, {})).status == "active"


@pytest.mark.req("CAM-1")
async def test_a_patch_changes_the_settings(world: World) -> None:
    await drafted(world)

    campaign, recorded = await world.application.change_campaign(
        ChangeCampaign(AUTUMN, {"name": "Winter"}), world.asks(if_match=1)
    )

    assert recorded.version == 2
    assert campaign.settings.name == (await stored(world)).settings.name == "Winter"


@pytest.mark.req("CAM-5")
async def test_a_duplicate_is_a_new_stream(world: World) -> None:
    await drafted(world)

    twin, recorded = await world.application.duplicate_campaign(
        DuplicateCampaign(AUTUMN, {"name": "Winter"}), world.asks()
    )

    assert twin.id != AUTUMN
    assert recorded.version == 1
    assert (await stored(world, twin.id)).state().duplicate_of == AUTUMN
    assert (await stored(world)).version == 1


@pytest.mark.req("EVT-2")
async def test_if_match_asks_for_the_version_that_stands(world: World) -> None:
    await drafted(world)
    await moved(world, Move.LAUNCH, if_match=1)

    with pytest.raises(PreconditionFailed) as refusal:
        await moved(world, Move.PAUSE, if_match=1)

    assert refusal.value.stands == 2
    assert (await stored(world)).status == "active"


@pytest.mark.req("SCH-2")
async def test_what_is_due_is_done_once(world: World) -> None:
    await drafted(world)
    await moved(
        world, Move.SCHEDULE, {"starts_at": "2026-11-20T13:00:00Z", "ends_at": "2026-11-20T14:00:00Z"}
    )
    assert world.store.claim_due() == []

    world.clock.advance(timedelta(hours=1))
    (lost,) = world.store.claim_due()
    (mine,) = world.store.claim_due()
    work = RunDueWork(mine.id, DueWork(mine.kind))
    with pytest.raises(Fenced):
        await world.application.run_due_work(work, world.asks(by=THE_PRODUCT, due=lost.claim))
    launched, _ = await world.application.run_due_work(work, world.asks(by=THE_PRODUCT, due=mine.claim))
    with pytest.raises(NothingDue):
        await world.application.run_due_work(work, world.asks(by=THE_PRODUCT, due=mine.claim))

    world.clock.advance(timedelta(hours=1))
    (end,) = world.store.claim_due()
    completed, _ = await world.application.run_due_work(
        RunDueWork(end.id, DueWork(end.kind)), world.asks(by=THE_PRODUCT, due=end.claim)
    )

    assert (launched.status, completed.status) == ("active", "completed")
    assert completed.state().final == FINAL
    assert world.store.claim_due() == []


async def test_due_work_follows_the_schedule(world: World) -> None:
    await drafted(world)
    await moved(world, Move.SCHEDULE, {"starts_at": "2026-11-20T13:00:00Z"})
    await moved(world, Move.UNSCHEDULE)

    world.clock.advance(timedelta(hours=2))

    assert world.store.claim_due() == []
