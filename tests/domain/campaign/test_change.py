"""A merge patch changes what the status leaves open."""

from __future__ import annotations

from typing import Any

import pytest

from domain.campaign.campaign import Campaign
from domain.campaign.errors import CampaignFieldLocked
from domain.campaign.events import CampaignChanged
from domain.campaign.words import Status
from domain.shared.errors import Invalid
from tests.examples.campaigns import (
    BOB,
    a_campaign_in,
    a_draft,
    a_scheduled_campaign,
    after_noon,
    an_active_campaign,
    autumn_email,
)

LATER = "2026-12-24T00:00:00.000000Z"

PATCHES: dict[str, dict[str, Any]] = {
    "/name": {"name": "New"},
    "/description": {"description": "New"},
    "/tags": {"tags": ["new"]},
    "/type": {"type": "ppv"},
    "/delivery": {"delivery": "drip"},
    "/platforms": {"platforms": ["sms"]},
    "/content": {"content": {"sms": {"body": "New"}}},
    "/goals": {"goals": {"conversions": 7}},
    "/budget": {"budget": {"amount": 500_001}},
    "/schedule/starts_at": {"schedule": {"starts_at": "2026-12-02T00:00:00Z"}},
    "/schedule/ends_at": {"schedule": {"ends_at": LATER}},
    "/schedule/time_zone": {"schedule": {"time_zone": "Asia/Kathmandu"}},
}
LABELS = {"/name", "/tags", "/description"}
RUNNING = LABELS | {"/goals", "/budget", "/schedule/ends_at"}
OPEN = {
    Status.DRAFT: set(PATCHES),
    Status.SCHEDULED: set(PATCHES) - {"/type", "/delivery"},
    Status.ACTIVE: RUNNING,
    Status.PAUSED: RUNNING | {"/content"},
    Status.COMPLETED: LABELS,
    Status.CANCELLED: LABELS,
    Status.FAILED: LABELS,
}


def change(campaign: Campaign, patch: Any) -> None:
    campaign.change(patch, by=BOB, at=after_noon(hours=1))


def locked(campaign: Campaign, patch: Any) -> dict[str, str]:
    before = campaign.state()
    with pytest.raises(CampaignFieldLocked) as refusal:
        change(campaign, patch)
    assert campaign.state() == before
    return {fault.pointer: fault.code for fault in refusal.value.faults}


@pytest.mark.req("CAM-3")
@pytest.mark.parametrize("pointer", PATCHES)
@pytest.mark.parametrize("status", OPEN)
def test_a_field_changes_only_where_the_status_leaves_it_open(status: Status, pointer: str) -> None:
    campaign = a_campaign_in(status)

    if pointer in OPEN[status]:
        change(campaign, PATCHES[pointer])
        event = campaign.pending_events[-1]
        assert isinstance(event, CampaignChanged)
        assert event.fields == (pointer.split("/")[1],)
    else:
        assert locked(campaign, PATCHES[pointer]) == {pointer: "locked"}


@pytest.mark.req("CAM-1")
def test_null_removes_objects_merge_and_arrays_are_replaced() -> None:
    campaign = a_draft()

    change(
        campaign,
        {
            "description": None,
            "tags": ["winter"],
            "content": {"instagram": None, "default": {"cta": {"label": "Buy"}, "media": None}},
            "goals": {"revenue": None, "engagement": 1},
            "budget": None,
        },
    )

    expected = autumn_email()
    expected |= {"description": None, "tags": ["winter"], "budget": None}
    expected["goals"] = {"conversions": 100, "engagement": 1}
    del expected["content"]["instagram"], expected["content"]["default"]["media"]
    expected["content"]["default"]["cta"]["label"] = "Buy"
    document = campaign.settings.document()
    assert document | {"schedule": expected["schedule"]} == expected


def test_a_patch_that_repeats_what_stands_locks_nothing_and_is_still_one_event() -> None:
    campaign = an_active_campaign()
    version = campaign.version

    change(campaign, campaign.settings.document())

    assert campaign.version == version + 1
    event = campaign.pending_events[-1]
    assert isinstance(event, CampaignChanged)
    assert event.fields == ()


def test_every_locked_field_is_named_at_once() -> None:
    assert locked(an_active_campaign(), {"type": "ppv", "platforms": [], "name": "Fine"}) == {
        "/type": "locked",
        "/platforms": "locked",
    }


@pytest.mark.parametrize("status", OPEN)
def test_the_currency_is_fixed_at_creation(status: Status) -> None:
    campaign = a_campaign_in(status)

    assert locked(campaign, {"currency": "EUR"}) == {"/currency": "locked"}
    change(campaign, {"currency": "USD"})
    with pytest.raises(Invalid, match="/budget/currency"):
        change(campaign, {"budget": {"currency": "EUR"}})


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PAUSED])
def test_the_budget_of_a_running_campaign_only_rises(status: Status) -> None:
    campaign = a_campaign_in(status)

    assert locked(campaign, {"budget": {"amount": 499_999}}) == {"/budget": "only_upwards"}
    assert locked(campaign, {"budget": None}) == {"/budget": "only_upwards"}
    change(campaign, {"budget": {"amount": 900_000}})
    change(a_campaign_in(status, budget=None), {"budget": {"amount": 1, "currency": "USD"}})


@pytest.mark.req("SCH-2")
def test_a_new_schedule_of_a_scheduled_campaign_moves_its_due_time() -> None:
    campaign = a_scheduled_campaign()

    change(campaign, {"schedule": {"starts_at": "2026-12-03T00:00:00Z"}})

    assert campaign.due_work()["launch"] == campaign.settings.schedule.starts_at
    assert campaign.settings.document()["schedule"]["starts_at"] == "2026-12-03T00:00:00.000000Z"


@pytest.mark.req("CAM-3")
@pytest.mark.parametrize(
    ("status", "schedule", "pointer", "code"),
    [
        (Status.SCHEDULED, {"starts_at": "2026-11-20T12:59:59Z"}, "/schedule/starts_at", "past"),
        (Status.SCHEDULED, {"starts_at": None}, "/schedule/starts_at", "required"),
        (Status.SCHEDULED, {"ends_at": "2026-12-01T08:00:00Z"}, "/schedule/ends_at", "end_before_start"),
        (Status.SCHEDULED, {"starts_at": "2026-12-15T08:00:00Z"}, "/schedule/ends_at", "end_before_start"),
        (Status.ACTIVE, {"ends_at": "2026-11-20T13:00:00Z"}, "/schedule/ends_at", "past"),
        (Status.PAUSED, {"ends_at": "2020-01-01T00:00:00Z"}, "/schedule/ends_at", "past"),
    ],
)
def test_an_impossible_schedule_is_refused(
    status: Status, schedule: dict[str, Any], pointer: str, code: str
) -> None:
    campaign = a_campaign_in(status, schedule=autumn_email()["schedule"])
    if status in (Status.ACTIVE, Status.PAUSED):
        campaign = a_campaign_in(status, schedule={"ends_at": "2026-12-15T08:00:00Z"})

    with pytest.raises(Invalid) as refusal:
        change(campaign, {"schedule": schedule})

    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [(pointer, code)]


def test_a_patch_is_checked_like_a_create() -> None:
    campaign = a_draft()

    with pytest.raises(Invalid) as refusal:
        change(campaign, {"name": None, "message": None, "colour": None, "schedule": {"frequency": None}})

    assert {fault.pointer: fault.code for fault in refusal.value.faults} == {
        "/name": "required",
        "/message": "reserved",
        "/colour": "unknown_field",
        "/schedule/frequency": "reserved",
    }
    others: list[Any] = [None, [], "name", 1]
    for no_object in others:
        with pytest.raises(Invalid):
            change(campaign, no_object)


def test_a_patch_that_is_too_deep_is_refused() -> None:
    patch: dict[str, Any] = {}
    for _ in range(5_000):
        patch = {"content": patch}

    with pytest.raises(Invalid) as refusal:
        change(a_draft(), patch)

    assert refusal.value.faults[0].code == "too_deep"
