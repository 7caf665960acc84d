"""One presentation of a campaign for answers and lists."""

from __future__ import annotations

import pytest

from domain.campaign.campaign import Campaign
from domain.campaign.goals import Figures, Goals, progress
from domain.campaign.resource import present
from domain.shared.money import Money
from tests.examples.campaigns import (
    ALICE,
    AUTUMN,
    NOON,
    THE_PRODUCT,
    a_draft,
    a_scheduled_campaign,
    after_noon,
)

NOTHING_YET = Figures()


def resource(campaign: Campaign, figures: Figures = NOTHING_YET) -> dict[str, object]:
    return present(
        campaign.id, campaign.version, campaign.created_on, campaign.modified_on, campaign.state(), figures
    )


@pytest.mark.req("CAM-1", "CAM-4")
def test_a_fresh_draft_is_shown_whole() -> None:
    campaign = a_draft()

    assert resource(campaign) == campaign.settings.document() | {
        "id": str(AUTUMN),
        "status": "draft",
        "version": 1,
        "created_by": ALICE,
        "created_at": "2026-11-20T12:00:00.000000Z",
        "updated_at": "2026-11-20T12:00:00.000000Z",
        "started_at": None,
        "completed_at": None,
        "deleted_at": None,
        "duplicate_of": None,
        "progress": {
            "conversions": {"reached": 0, "share": 0},
            "revenue": {"reached": {"amount": 0, "currency": "USD"}, "share": 0},
            "engagement": {"reached": 0, "share": 0},
        },
        "spent": {"amount": 0, "currency": "USD"},
        "readiness": None,
        "failure": None,
        "final": None,
    }


def test_the_moments_of_its_life_are_shown() -> None:
    campaign = a_draft()
    campaign.launch(by=ALICE, at=after_noon(hours=1))
    campaign.complete({"total": {}}, by=ALICE, at=after_noon(hours=2))
    campaign.delete(by=ALICE, at=after_noon(hours=3, microseconds=1))

    shown = resource(campaign)

    assert shown["started_at"] == "2026-11-20T13:00:00.000000Z"
    assert shown["completed_at"] == "2026-11-20T14:00:00.000000Z"
    assert shown["deleted_at"] == shown["updated_at"] == "2026-11-20T15:00:00.000001Z"
    assert shown["readiness"] == {"ready": True, "problems": []}
    assert shown["final"] == {"total": {}}


def test_a_failure_is_shown_with_its_reason_and_report() -> None:
    campaign = a_scheduled_campaign()
    campaign.change({"platforms": []}, by=ALICE, at=NOON)
    campaign.due_launch(by=THE_PRODUCT, at=after_noon(days=11))

    failure = resource(campaign)["failure"]

    assert isinstance(failure, dict)
    assert failure["reason"] == "not_ready"
    assert failure["readiness"]["problems"][0]["pointer"] == "/platforms"


@pytest.mark.req("CAM-4")
def test_progress_is_what_is_reached_and_its_share_of_each_goal() -> None:
    goals = Goals(conversions=100, revenue=Money(2_000_000, "USD"), engagement=5_000)

    assert progress(goals, Figures(conversions=25, revenue=3_000_000, engagement=1)) == {
        "conversions": {"reached": 25, "share": 0.25},
        "revenue": {"reached": {"amount": 3_000_000, "currency": "USD"}, "share": 1.5},
        "engagement": {"reached": 1, "share": 0.0002},
    }
    assert progress(Goals(), Figures(conversions=25)) == {}


@pytest.mark.parametrize(
    ("spent", "amount"), [("0", 0), ("1250.0000", 1250), ("12.3456", 12.3456), ("1e3", 1000)]
)
def test_spent_is_an_integer_unless_micros_make_a_fraction(spent: str, amount: float) -> None:
    shown = resource(a_draft(), Figures(spent=spent))["spent"]

    assert shown == {"amount": amount, "currency": "USD"}
    assert isinstance(shown, dict)
    assert type(shown["amount"]) is type(amount)
