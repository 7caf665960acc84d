"""Scheduling needs a start that can come and an end after it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.campaign.campaign import Campaign
from domain.shared.errors import Invalid
from tests.examples.campaigns import BOB, NOON, a_draft, a_scheduled_campaign, after_noon, an_active_campaign


def schedule(campaign: Campaign, details: Any) -> None:
    campaign.schedule(details, by=BOB, at=NOON)


@pytest.mark.req("CAM-3")
def test_what_the_body_leaves_out_stays() -> None:
    campaign = a_draft()

    schedule(campaign, {"starts_at": "2026-12-02T00:00:00+05:45"})

    assert campaign.settings.schedule.document() == {
        "starts_at": "2026-12-01T18:15:00.000000Z",
        "ends_at": "2026-12-15T08:00:00.000000Z",
        "time_zone": "Europe/Paris",
    }


def test_null_removes_the_end() -> None:
    campaign = a_draft()

    schedule(campaign, {"ends_at": None})

    assert campaign.settings.schedule.ends_at is None


def test_a_scheduled_campaign_takes_a_new_time() -> None:
    campaign = a_scheduled_campaign()

    schedule(campaign, {"starts_at": "2026-12-05T00:00:00Z"})

    assert campaign.status == "scheduled"
    assert campaign.due_work()["launch"] == campaign.settings.schedule.starts_at


@pytest.mark.req("CAM-3")
@pytest.mark.parametrize(
    ("details", "faults"),
    [
        ({"starts_at": "2026-11-20T12:00:00Z"}, {"/starts_at": "past"}),
        ({"starts_at": "2026-11-20T12:59:59+01:00"}, {"/starts_at": "past"}),
        ({"starts_at": None}, {"/starts_at": "required"}),
        ({"ends_at": "2026-12-01T08:00:00Z"}, {"/ends_at": "end_before_start"}),
        (
            {"starts_at": None, "ends_at": "2026-11-20T12:00:00Z"},
            {"/starts_at": "required", "/ends_at": "past"},
        ),
        (
            {"starts_at": "tomorrow", "time_zone": "Mars/Base", "frequency": "daily", "at": 1},
            {
                "/starts_at": "time",
                "/time_zone": "time_zone",
                "/frequency": "reserved",
                "/at": "unknown_field",
            },
        ),
        ([], {"": "object"}),
    ],
)
def test_an_impossible_schedule_is_refused(details: Any, faults: dict[str, str]) -> None:
    campaign = a_draft()

    with pytest.raises(Invalid) as refusal:
        schedule(campaign, details)

    assert {fault.pointer: fault.code for fault in refusal.value.faults} == faults
    assert campaign.status == "draft"


def test_unscheduling_keeps_the_schedule_in_the_draft() -> None:
    campaign = a_scheduled_campaign()
    before = campaign.settings

    campaign.unschedule(by=BOB, at=after_noon(hours=1))

    assert campaign.status == "draft"
    assert campaign.settings == before
    assert campaign.due_work() == {"launch": None, "complete": None}


def test_a_launch_uses_the_start_of_a_scheduled_campaign_up() -> None:
    campaign = a_scheduled_campaign()

    campaign.launch(by=BOB, at=after_noon(hours=1))

    assert campaign.settings.schedule.starts_at is None
    assert campaign.settings.schedule.ends_at is not None
    assert campaign.state().started_at == after_noon(hours=1)


def test_the_end_of_a_running_campaign_may_lie_before_the_start_its_draft_had_planned() -> None:
    campaign = an_active_campaign()
    assert campaign.settings.schedule.starts_at is not None

    campaign.change({"schedule": {"ends_at": "2026-11-21T00:00:00Z"}}, by=BOB, at=NOON)

    assert campaign.due_work()["complete"] == after_noon(hours=12)
