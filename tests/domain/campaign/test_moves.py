"""All moves from all statuses: the table of the API, written down here once more, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from domain.campaign.campaign import Campaign
from domain.campaign.errors import CampaignFieldLocked
from domain.campaign.words import Status
from domain.shared.errors import MoveNotAllowed
from tests.examples.campaigns import ALICE, AUTUMN, BOB, TWIN, a_campaign_in, a_deleted_campaign, after_noon

MOVES = ["schedule", "unschedule", "launch", "pause", "resume", "complete", "cancel", "archive", "unarchive"]

TABLE = {
    "draft": "scheduled · active · · · cancelled archived ·",
    "scheduled": "scheduled draft active · · · cancelled · ·",
    "active": "· · · paused · completed cancelled · ·",
    "paused": "· · · · active completed cancelled · ·",
    "completed": "· · · · · · · archived ·",
    "cancelled": "· · · · · · · archived ·",
    "failed": "· · · · · · · archived ·",
    "archived": "· · · · · · · · draft",
    "deleted": "· · · · · · · · ·",
}
DELETABLE = {"draft", "completed", "cancelled", "failed", "archived"}

CELLS = [
    (status, move, target)
    for status, row in TABLE.items()
    for move, target in zip(MOVES, row.split(), strict=True)
]


def a_campaign(status: str) -> Campaign:
    return a_deleted_campaign() if status == "deleted" else a_campaign_in(Status(status))


def make(campaign: Campaign, move: str) -> None:
    extra: dict[str, list[Any]] = {"schedule": [{}], "complete": [{}]}
    getattr(campaign, move)(*extra.get(move, []), by=BOB, at=after_noon(hours=1))


def open_moves(status: str) -> list[str]:
    if status == "deleted":
        return ["restore"]
    return [move for move, target in zip(MOVES, TABLE[status].split(), strict=True) if target != "·"]


@pytest.mark.req("CAM-3")
@pytest.mark.parametrize(("status", "move", "target"), CELLS)
def test_a_move_leads_where_the_table_says_or_is_refused(status: str, move: str, target: str) -> None:
    campaign = a_campaign(status)
    before, version = campaign.state(), campaign.version

    if target == "·":
        with pytest.raises(MoveNotAllowed) as refusal:
            make(campaign, move)
        assert (refusal.value.move, refusal.value.status) == (move, status)
        assert refusal.value.allowed == open_moves(status)
        assert (campaign.state(), campaign.version) == (before, version)
    else:
        make(campaign, move)
        assert campaign.status == target
        assert campaign.version == version + 1


@pytest.mark.req("CAM-3", "CAM-6")
@pytest.mark.parametrize("status", ["draft", "completed", "cancelled", "failed"])
def test_the_archive_gives_back_the_status_before(status: str) -> None:
    campaign = a_campaign(status)
    before = campaign.state()

    make(campaign, "archive")
    make(campaign, "unarchive")

    assert campaign.state() == before


@pytest.mark.req("CAM-1", "CAM-3")
@pytest.mark.parametrize("status", TABLE)
def test_a_campaign_is_deleted_only_where_the_table_says(status: str) -> None:
    campaign = a_campaign(status)

    if status in DELETABLE:
        make(campaign, "delete")
        assert campaign.state().deleted_at == after_noon(hours=1)
        assert campaign.status == status
    else:
        with pytest.raises(MoveNotAllowed) as refusal:
            make(campaign, "delete")
        assert refusal.value.allowed == open_moves(status)


@pytest.mark.req("CAM-1")
@pytest.mark.parametrize("status", sorted(DELETABLE))
def test_a_restored_campaign_is_as_before(status: str) -> None:
    campaign = a_campaign(status)
    before = campaign.state()

    make(campaign, "delete")
    make(campaign, "restore")

    assert campaign.state() == before


@pytest.mark.req("CAM-1")
@pytest.mark.parametrize("status", [status for status in TABLE if status != "deleted"])
def test_what_is_not_deleted_is_not_restored(status: str) -> None:
    with pytest.raises(MoveNotAllowed) as refusal:
        make(a_campaign(status), "restore")

    assert refusal.value.allowed == open_moves(status)


@pytest.mark.req("CAM-5")
@pytest.mark.parametrize("status", TABLE)
def test_everything_but_a_deleted_campaign_can_be_duplicated(status: str) -> None:
    campaign = a_campaign(status)

    if status == "deleted":
        with pytest.raises(MoveNotAllowed):
            campaign.duplicate({}, id=TWIN, by=BOB, at=after_noon(hours=1))
    else:
        twin = campaign.duplicate({}, id=TWIN, by=BOB, at=after_noon(hours=1))
        assert twin.status == "draft"
        assert twin.state().duplicate_of == AUTUMN
        assert twin.state().created_by == BOB
        assert twin.settings == campaign.settings


def test_an_archived_or_deleted_campaign_can_not_be_changed() -> None:
    for status, patch in (("archived", {"name": "New"}), ("archived", {}), ("deleted", {"name": "New"})):
        with pytest.raises((CampaignFieldLocked, MoveNotAllowed)) as refusal:
            a_campaign(status).change(patch, by=ALICE, at=after_noon(hours=1))
        assert vars(refusal.value)["allowed"] == open_moves(status)
        assert isinstance(refusal.value, CampaignFieldLocked) == (status == "archived" and bool(patch))
