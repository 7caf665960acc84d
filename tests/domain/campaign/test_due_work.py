"""What falls due happens once and at its time; what can't happen any more fails with its reason."""

from __future__ import annotations

import pytest

from domain.campaign.campaign import Campaign
from domain.campaign.errors import NothingDue
from domain.campaign.events import CampaignCompleted, CampaignFailed, CampaignLaunched
from domain.campaign.words import Status
from tests.examples.campaigns import (
    ALICE,
    NOON,
    THE_PRODUCT,
    a_campaign_in,
    a_scheduled_campaign,
    after_noon,
    an_active_campaign,
)

START = after_noon(days=10, hours=20)
END = after_noon(days=24, hours=20)


@pytest.mark.req("SCH-2")
@pytest.mark.parametrize("status", Status)
def test_a_scheduled_campaign_waits_for_its_start_and_a_running_one_for_its_end(status: Status) -> None:
    waits = a_campaign_in(status).due_work()

    assert waits == {
        "launch": START if status is Status.SCHEDULED else None,
        "complete": END if status in (Status.ACTIVE, Status.PAUSED) else None,
    }


@pytest.mark.req("SCH-2")
@pytest.mark.parametrize("late", [{}, {"days": 3}])
def test_a_due_start_launches_also_after_downtime(late: dict[str, int]) -> None:
    campaign = a_scheduled_campaign()
    at = after_noon(days=10 + late.get("days", 0), hours=20)

    campaign.due_launch(by=THE_PRODUCT, at=at)

    event = campaign.pending_events[-1]
    assert isinstance(event, CampaignLaunched)
    assert (event.by, event.due_at, event.report.ready) == (THE_PRODUCT, START, True)
    assert campaign.status == "active"
    assert campaign.state().started_at == at
    assert campaign.due_work() == {"launch": None, "complete": END}


@pytest.mark.req("SCH-2", "CAM-8")
def test_a_due_start_fails_with_the_report_where_readiness_is_lost() -> None:
    campaign = a_scheduled_campaign()
    campaign.change({"platforms": [], "content": {"default": {"cta": {"url": "/"}}}}, by=ALICE, at=NOON)

    campaign.due_launch(by=THE_PRODUCT, at=START)

    event = campaign.pending_events[-1]
    assert isinstance(event, CampaignFailed)
    assert (event.reason, event.due_at) == ("not_ready", START)
    assert [problem.pointer for problem in event.report.problems if problem.severity == "error"] == [
        "/platforms",
        "/content/default/cta/url",
    ]
    assert campaign.status == "failed"
    failure = campaign.state().failure
    assert failure is not None
    assert failure.report == event.report
    assert campaign.due_work() == {"launch": None, "complete": None}


@pytest.mark.req("SCH-2")
def test_where_start_and_end_have_passed_it_fails_as_missed() -> None:
    campaign = a_scheduled_campaign()

    campaign.due_launch(by=THE_PRODUCT, at=END)

    event = campaign.pending_events[-1]
    assert isinstance(event, CampaignFailed)
    assert event.reason == "missed"
    assert campaign.status == "failed"


@pytest.mark.req("SCH-2")
@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PAUSED])
def test_a_due_end_completes_with_the_final_metrics(status: Status) -> None:
    campaign = a_campaign_in(status)

    campaign.due_complete({"total": {"clicks": 5}, "position": "p"}, by=THE_PRODUCT, at=END)

    event = campaign.pending_events[-1]
    assert isinstance(event, CampaignCompleted)
    assert event.due_at == END
    assert campaign.status == "completed"
    assert campaign.state().completed_at == END
    assert campaign.state().final == {"total": {"clicks": 5}, "position": "p"}


def test_nothing_happens_before_its_time_or_twice() -> None:
    scheduled, active = a_scheduled_campaign(), an_active_campaign()

    def refused(campaign: Campaign, hours: float) -> None:
        version = campaign.version
        with pytest.raises(NothingDue):
            campaign.due_launch(by=THE_PRODUCT, at=after_noon(hours=hours))
        with pytest.raises(NothingDue):
            campaign.due_complete({}, by=THE_PRODUCT, at=after_noon(hours=hours))
        assert campaign.version == version

    refused(scheduled, hours=259)
    refused(active, hours=595)
    scheduled.due_launch(by=THE_PRODUCT, at=START)
    active.due_complete({}, by=THE_PRODUCT, at=END)
    refused(scheduled, hours=261)
    refused(active, hours=597)


def test_a_draft_never_launches_by_itself() -> None:
    with pytest.raises(NothingDue):
        a_campaign_in(Status.DRAFT).due_launch(by=THE_PRODUCT, at=END)
