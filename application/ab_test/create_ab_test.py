"""Plan a test on a campaign."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.loading import record
from application.ports import Context, EventStore, Ids, Recorded
from application.ports_ab_tests import LiveTests
from domain.ab_test.ab_test import ABTest
from domain.ab_test.errors import CampaignHasLiveTest, CampaignTakesNoTest, VariantsTaken
from domain.ab_test.plan_reading import NewTest, read_new
from domain.campaign.campaign import Campaign
from domain.campaign.words import Status
from domain.shared.errors import AlreadyExists, NotFound

TAKES_TESTS = frozenset({Status.DRAFT, Status.SCHEDULED, Status.ACTIVE, Status.PAUSED})


@dataclass(frozen=True)
class CreateABTest:
    """``document`` is the body as the client sent it; it may hold the ``id``."""

    campaign: UUID
    document: Any


@dataclass(frozen=True)
class CreateABTestHandler:
    """Raises NotFound, Invalid, AlreadyExists, CampaignTakesNoTest, CampaignHasLiveTest, VariantsTaken."""

    store: EventStore
    ids: Ids
    live: LiveTests

    async def __call__(self, command: CreateABTest, context: Context) -> tuple[ABTest, Recorded]:
        """Take the campaign's place, create, save."""
        workspace = context.caller.workspace
        campaign = await self.store.get(Campaign, workspace, command.campaign)
        spare = self.ids.new()
        asked = read_new(command.document, seed=seed_of(spare))
        id = asked.id or spare
        if asked.id is not None and await self._exists(workspace, id):
            raise AlreadyExists("ab test", id)
        if campaign.state().deleted or campaign.status not in TAKES_TESTS:
            raise CampaignTakesNoTest
        found = await self.live.claim(workspace, command.campaign, id)
        if found.holder != id:
            raise CampaignHasLiveTest(f"This campaign has a test that has not ended: {found.holder}.")
        try:
            await self._check_variants(workspace, asked, found.earlier)
            test = ABTest.create(
                id, command.campaign, asked.name, asked.plan, by=context.caller.actor, at=context.at,
                salt=asked.salt or "",
            )  # fmt: skip
            return test, await record(self.store, test, context)
        except Exception:
            await self.live.release(workspace, command.campaign, id)
            raise

    async def _exists(self, workspace: int, id: UUID) -> bool:
        try:
            await self.store.get(ABTest, workspace, id)
        except NotFound:
            return False
        return True

    async def _check_variants(self, workspace: int, asked: NewTest, earlier: tuple[UUID, ...]) -> None:
        """Facts name a variant of a campaign: two tests with one name would share their facts."""
        for id in earlier:
            state = (await self.store.get(ABTest, workspace, id)).state()
            shared = set(state.plan.names) & set(asked.plan.names)
            if state.started_at is not None and shared:
                names = ", ".join(sorted(shared))
                raise VariantsTaken(f"{names}: an earlier test of this campaign has facts under this name.")


def seed_of(id: UUID) -> int:
    """A bandit's seed where the client names none: recorded with the plan, so it need not be secret."""
    return int(hashlib.sha256(id.bytes).hexdigest()[:8], 16)
