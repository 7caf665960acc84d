"""What is missing before a launch: every fault at once, each with its mend; and launched when mended."""

from __future__ import annotations

import pytest

from tests.support.campaigns import drafted, move
from tests.support.client import Client

FAULTY = {
    "platforms": ["email", "instagram", "sms"],
    "content": {
        "tiktok": {"body": "Look!", "cta": {"label": "Shop", "url": "/shop"}},
        "reddit": {"body": "Look!", "cta": {"label": "Shop", "url": "shop.example"}},
    },
    "schedule": {"ends_at": "2020-01-01T00:00:00Z"},
}
SIX = {
    "/content/email", "/content/instagram", "/content/sms", "/content/tiktok/cta/url",
    "/content/reddit/cta/url", "/schedule/ends_at",
}  # fmt: skip


@pytest.mark.req("CAM-8")
def test_a_draft_with_six_faults_names_six_pointers_with_their_mends(alice: Client) -> None:
    campaign = drafted(alice, **FAULTY)

    report = alice.get(f"/v1/campaigns/{campaign}/readiness").ok().body

    errors = [problem for problem in report["problems"] if problem["severity"] == "error"]
    assert not report["ready"]
    assert {problem["pointer"] for problem in errors} == SIX
    assert len(errors) == 6
    assert all(problem["mend"] and problem["detail"] and problem["code"] for problem in errors)


def test_a_launch_that_is_not_ready_is_refused_with_the_report(alice: Client) -> None:
    campaign = drafted(alice, **FAULTY)

    answer = move(alice, campaign, "launch")

    assert answer.status == 409
    assert answer.body["ready"] is False
    assert {problem["pointer"] for problem in answer.body["problems"]} >= SIX


def test_a_mended_draft_is_ready_and_its_launch_keeps_the_report(alice: Client) -> None:
    campaign = drafted(alice, **FAULTY)
    mends = {
        "content": {"default": {"subject": "Now", "body": "Look!"}, "tiktok": None, "reddit": None},
        "schedule": {"ends_at": None},
    }
    alice.patch(f"/v1/campaigns/{campaign}", mends).ok()

    report = alice.get(f"/v1/campaigns/{campaign}/readiness").ok().body
    launched = move(alice, campaign, "launch").ok().body

    assert report["ready"]
    assert launched["readiness"] == report


def test_a_draft_without_a_platform_says_so(alice: Client) -> None:
    campaign = drafted(alice, platforms=[])

    report = alice.get(f"/v1/campaigns/{campaign}/readiness").ok().body

    assert "/platforms" in [problem["pointer"] for problem in report["problems"] if problem["severity"] == "error"]


def test_a_warning_does_not_hold_a_launch_up(alice: Client) -> None:
    campaign = drafted(alice, content={"default": {"body": "No subject."}})

    report = alice.get(f"/v1/campaigns/{campaign}/readiness").ok().body

    assert [problem["severity"] for problem in report["problems"]] == ["warning"]
    assert report["ready"]
    move(alice, campaign, "launch").ok()
