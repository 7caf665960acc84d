"""Before a launch every problem is named at once, each with its pointer and its mend."""

from __future__ import annotations

from typing import Any

import pytest

from domain.campaign.campaign import Campaign
from domain.campaign.errors import CampaignNotReady
from domain.campaign.events import CampaignLaunched
from tests.examples.campaigns import ALICE, AUTUMN, NOON, a_draft, a_scheduled_campaign, after_noon, minimal


def a_campaign(**fields: Any) -> Campaign:
    return Campaign.draft(minimal() | fields, id=AUTUMN, by=ALICE, at=NOON)


def problems(campaign: Campaign) -> dict[str, tuple[str, str]]:
    report = campaign.readiness(NOON)
    assert all(problem.mend and problem.detail for problem in report.problems)
    return {problem.pointer: (problem.code, problem.severity.value) for problem in report.problems}


@pytest.mark.req("CAM-8")
def test_the_whole_example_is_ready_without_a_warning() -> None:
    report = a_draft().readiness(NOON)

    assert report.document() == {"ready": True, "problems": []}


@pytest.mark.req("CAM-8")
def test_a_draft_with_six_faults_names_six_pointers_with_their_mends() -> None:
    campaign = a_campaign(
        platforms=["email", "sms", "x"],
        content={"x": {"body": "Shop!", "cta": {"label": "Shop", "url": "/shop"}, "media": ["leaf.jpg"]}},
        schedule={"starts_at": "2026-11-20T11:00:00Z", "ends_at": "2026-11-20T10:00:00Z"},
    )

    assert problems(campaign) == {
        "/content/email": ("no_content", "error"),
        "/content/sms": ("no_content", "error"),
        "/content/x/cta/url": ("not_absolute", "error"),
        "/content/x/media/0": ("not_absolute", "warning"),
        "/schedule/starts_at": ("past", "warning"),
        "/schedule/ends_at": ("end_before_start", "error"),
    }


@pytest.mark.req("CAM-8")
def test_a_launch_that_is_not_ready_is_refused_with_the_report() -> None:
    campaign = a_campaign()

    with pytest.raises(CampaignNotReady) as refusal:
        campaign.launch(by=ALICE, at=NOON)

    assert refusal.value.report == campaign.readiness(NOON).document()
    assert refusal.value.report["ready"] is False
    assert [problem["pointer"] for problem in refusal.value.report["problems"]] == ["/platforms"]
    assert campaign.status == "draft"


@pytest.mark.req("CAM-8")
def test_a_launch_stores_its_report_with_the_warnings() -> None:
    campaign = a_campaign(platforms=["email"], content={"default": {"body": "Come."}})

    campaign.launch(by=ALICE, at=NOON)

    event = campaign.pending_events[-1]
    assert isinstance(event, CampaignLaunched)
    assert event.report == campaign.state().readiness
    assert event.report.ready
    assert [problem.pointer for problem in event.report.problems] == ["/content/default/subject"]


@pytest.mark.parametrize(
    ("content", "ready"),
    [
        ({"default": {"body": "b"}}, True),
        ({"sms": {"body": "b"}}, True),
        ({"default": {"media": ["https://a.example/b.jpg"]}}, True),
        ({"default": {"body": "b"}, "sms": {}}, True),
        ({"email": {"body": "b"}}, False),
        ({"default": {}}, False),
        ({"default": {"body": ""}}, False),
        ({"sms": {"cta": {"url": "https://a.example"}}}, False),
        ({}, False),
    ],
)
def test_each_platform_needs_its_own_content_or_the_default(content: dict[str, Any], ready: bool) -> None:
    assert a_campaign(platforms=["sms"], content=content).readiness(NOON).ready is ready


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("https://shop.example/autumn?x=1#top", True),
        ("http://shop.example", True),
        ("//shop.example", False),
        ("/autumn", False),
        ("shop.example/autumn", False),
        ("https://", False),
        ("https:///autumn", False),
        ("https://[::1", False),
        ("https://shop.example/a b", False),
        ("mailto:a@shop.example", False),
        ("javascript:alert(1)", False),
        ("", False),
        (None, False),
    ],
)
def test_a_call_to_action_needs_an_absolute_address(url: str | None, absolute: bool) -> None:
    campaign = a_campaign(platforms=["sms"], content={"default": {"body": "b", "cta": {"url": url}}})

    assert campaign.readiness(NOON).ready is absolute


def test_an_end_must_be_after_the_start_and_not_past() -> None:
    ready = {"platforms": ["sms"], "content": {"default": {"body": "b"}}}

    def report(**schedule: str) -> dict[str, tuple[str, str]]:
        return problems(a_campaign(**ready, schedule=schedule))

    assert report(ends_at="2026-11-20T12:00:00Z") == {"/schedule/ends_at": ("past", "error")}
    assert report(ends_at="2026-11-20T12:00:00.000001Z") == {}
    assert report(starts_at="2026-12-01T00:00:00Z", ends_at="2026-12-01T00:00:00Z") == {
        "/schedule/ends_at": ("end_before_start", "error")
    }


def test_the_start_of_a_scheduled_campaign_may_not_be_past() -> None:
    campaign = a_scheduled_campaign()

    assert campaign.readiness(after_noon(days=5)).ready
    with pytest.raises(CampaignNotReady, match="/schedule/starts_at"):
        campaign.launch(by=ALICE, at=after_noon(days=12))


def test_what_is_odd_is_a_warning() -> None:
    campaign = a_campaign(
        type="ppv", platforms=["email", "sms"], content={"default": {"subject": "s"}, "tiktok": {"body": "b"}}
    )

    assert problems(campaign) == {
        "/content/default/body": ("required", "warning"),
        "/content/default/price": ("required", "warning"),
        "/content/tiktok": ("unused", "warning"),
    }
    assert campaign.readiness(NOON).ready
