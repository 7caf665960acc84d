"""Around every handler: a lost race is run again, and one line is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from application.application import assemble
from application.campaign.change_campaign import ChangeCampaign
from application.campaign.draft_campaign import DraftCampaign
from application.campaign.move_campaign import MoveCampaign
from application.ports import (
    Answer,
    Context,
    Idempotency,
    Overloaded,
    PreconditionFailed,
    Recorded,
    StaleVersion,
    VersionConflict,
)
from domain.campaign.campaign import Campaign
from domain.campaign.moves import Move
from domain.shared.aggregate import Aggregate
from domain.shared.errors import MoveNotAllowed
from tests.examples.campaigns import AUTUMN, autumn_email
from tests.examples.worlds import STUDIO, CountingIds, FixedFigures, World, without_tests

PAUSE = MoveCampaign(AUTUMN, Move.PAUSE)


@dataclass
class CrowdedStore:
    """A store in which somebody else is faster, a given number of times."""

    world: World
    rivals: int
    renamed: int = field(default=0)

    async def get(self, kind: type[Any], workspace: int, id: UUID, **moment: int | None) -> Any:
        return await self.world.store.get(kind, workspace, id, **moment)

    async def save(self, aggregate: Aggregate, context: Context) -> Recorded:
        if self.renamed < self.rivals:
            self.renamed += 1
            rival = ChangeCampaign(AUTUMN, {"name": f"Rival {self.renamed}"})
            await self.world.application.change_campaign(rival, self.world.asks())
        return await self.world.store.save(aggregate, context)


async def an_active_world() -> World:
    world = World()
    await world.application.draft_campaign(DraftCampaign(autumn_email() | {"id": str(AUTUMN)}), world.asks())
    await world.application.move_campaign(MoveCampaign(AUTUMN, Move.LAUNCH), world.asks())
    return world


@pytest.mark.req("EVT-2")
async def test_a_lost_race_is_run_again_on_what_stands() -> None:
    world = await an_active_world()
    crowded = assemble(CrowdedStore(world, rivals=3), CountingIds(), FixedFigures(), *without_tests())

    with capture_logs() as lines:
        campaign, recorded = await crowded.move_campaign(PAUSE, world.asks())

    assert recorded.version == campaign.version == 6
    assert (campaign.settings.name, campaign.status) == ("Rival 3", "paused")
    assert lines[-1]["reruns"] == 3


@pytest.mark.req("EVT-2")
async def test_after_three_reruns_it_is_a_conflict_that_names_the_versions() -> None:
    world = await an_active_world()
    crowded = assemble(CrowdedStore(world, rivals=9), CountingIds(), FixedFigures(), *without_tests())

    with pytest.raises(VersionConflict) as refusal:
        await crowded.move_campaign(PAUSE, world.asks())

    assert (refusal.value.seen, refusal.value.stands) == (5, 6)
    assert (await world.store.get(Campaign, STUDIO, AUTUMN)).status == "active"


@pytest.mark.req("EVT-2")
async def test_with_if_match_a_lost_race_is_not_run_again() -> None:
    world = await an_active_world()
    store = CrowdedStore(world, rivals=1)
    crowded = assemble(store, CountingIds(), FixedFigures(), *without_tests())

    with pytest.raises(PreconditionFailed) as refusal:
        await crowded.move_campaign(PAUSE, world.asks(if_match=2))

    assert refusal.value.stands == 3
    assert store.renamed == 1


async def test_a_rerun_decides_anew() -> None:
    world = await an_active_world()

    @dataclass
    class PausedMeanwhile(CrowdedStore):
        async def save(self, aggregate: Aggregate, context: Context) -> Recorded:
            await self.world.application.move_campaign(PAUSE, self.world.asks())
            raise StaleVersion(3)

    with pytest.raises(MoveNotAllowed, match="pause is not allowed while paused"):
        await assemble(PausedMeanwhile(world, 0), CountingIds(), FixedFigures(), *without_tests()).move_campaign(
            PAUSE, world.asks()
        )


@pytest.mark.req("OPS-5")
async def test_one_line_tells_command_outcome_and_request() -> None:
    world = await an_active_world()

    with capture_logs() as lines:
        await world.application.move_campaign(PAUSE, world.asks())
        with pytest.raises(MoveNotAllowed):
            await world.application.move_campaign(PAUSE, world.asks())

    done, refused = lines
    assert done["milliseconds"] >= 0
    assert dict(done) | {"milliseconds": 0} == {
        "event": "command",
        "log_level": "info",
        "command": "MoveCampaign",
        "id": str(AUTUMN),
        "outcome": "done",
        "reruns": 0,
        "milliseconds": 0,
        "workspace": STUDIO,
        "actor": "actor-alice",
        "correlation": "request-1",
    }
    assert refused["outcome"] == "move-not-allowed"


async def test_what_is_no_refusal_is_seen_and_named() -> None:
    world = await an_active_world()

    @dataclass
    class Full(CrowdedStore):
        async def save(self, aggregate: Aggregate, context: Context) -> Recorded:
            raise Overloaded

    with capture_logs() as lines, pytest.raises(Overloaded):
        await assemble(Full(world, 0), CountingIds(), FixedFigures(), *without_tests()).move_campaign(
            PAUSE, world.asks()
        )

    assert lines[-1]["outcome"] == "Overloaded"


@pytest.mark.req("EVT-2")
async def test_a_repeated_key_is_answered_as_the_first_time() -> None:
    world = await an_active_world()
    other = MoveCampaign(AUTUMN, Move.RESUME)

    async def present(campaign: Campaign) -> Answer:
        return Answer(200, campaign.status.encode())

    asked = world.asks(idempotency=Idempotency("key", b"1"), present=present)
    _, first = await world.application.move_campaign(PAUSE, asked)
    with capture_logs() as lines:
        _, again = await world.application.move_campaign(other, asked)

    assert first.answer == again.answer == Answer(200, b"paused")
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.version, again.position) == (first.version, first.position)
    assert lines[-1]["outcome"] == "replayed"
