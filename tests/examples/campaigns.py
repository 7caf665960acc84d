"""Example campaigns, by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.campaign.campaign import Campaign
from domain.campaign.words import Status

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALICE = "actor-alice"
BOB = "actor-bob"
THE_PRODUCT = "ballyhoo"
AUTUMN = UUID("01935000-0000-7000-8000-000000000001")
TWIN = UUID("01935000-0000-7000-8000-000000000002")


def after_noon(**duration: float) -> datetime:
    """A moment after NOON."""
    return NOON + timedelta(**duration)


def minimal() -> dict[str, Any]:
    """The least that a create needs: not ready to be launched."""
    return {"name": "Autumn", "type": "promotion", "delivery": "broadcast"}


def autumn_email() -> dict[str, Any]:
    """The example of the API: everything that a client can write, ready to be launched."""
    return {
        "name": "Autumn e-mail",
        "description": "For everyone who bought last autumn",
        "type": "promotion",
        "delivery": "broadcast",
        "platforms": ["email", "instagram"],
        "content": {
            "default": {
                "subject": "Leaves fall, prices too",
                "body": "Come and see.",
                "cta": {"label": "Shop", "url": "https://shop.example/autumn"},
                "media": ["https://shop.example/leaf.jpg", {"url": "https://shop.example/a.mp4", "alt": "A"}],
                "price": {"amount": 1999, "currency": "USD"},
            },
            "instagram": {"body": "Leaves!"},
        },
        "audience": {"kind": "all", "segment_ids": [], "exclude_segment_ids": []},
        "currency": "USD",
        "budget": {"amount": 500_000, "currency": "USD"},
        "goals": {
            "conversions": 100,
            "revenue": {"amount": 2_000_000, "currency": "USD"},
            "engagement": 5_000,
        },
        "schedule": {
            "starts_at": "2026-12-01T09:00:00+01:00",
            "ends_at": "2026-12-15T09:00:00+01:00",
            "time_zone": "Europe/Paris",
        },
        "tags": ["autumn", "mail"],
    }


def a_draft(**changes: Any) -> Campaign:
    """Alice's draft of the autumn e-mail, made at noon."""
    return Campaign.draft(autumn_email() | changes, id=AUTUMN, by=ALICE, at=NOON)


def a_scheduled_campaign(**changes: Any) -> Campaign:
    """The autumn e-mail, waiting for the first of December, eight o'clock UTC."""
    campaign = a_draft(**changes)
    campaign.schedule({}, by=ALICE, at=NOON)
    return campaign


def an_active_campaign(**changes: Any) -> Campaign:
    """The autumn e-mail, launched at noon."""
    campaign = a_draft(**changes)
    campaign.launch(by=ALICE, at=NOON)
    return campaign


def a_campaign_in(status: Status, **changes: Any) -> Campaign:
    """The autumn e-mail in a status; an archived one was a draft before."""
    match status:
        case Status.DRAFT:
            return a_draft(**changes)
        case Status.SCHEDULED:
            return a_scheduled_campaign(**changes)
        case Status.ACTIVE:
            return an_active_campaign(**changes)
        case Status.ARCHIVED:
            campaign = a_draft(**changes)
            campaign.archive(by=ALICE, at=NOON)
        case Status.PAUSED:
            campaign = an_active_campaign(**changes)
            campaign.pause(by=ALICE, at=NOON)
        case Status.COMPLETED:
            campaign = an_active_campaign(**changes)
            campaign.complete({}, by=ALICE, at=NOON)
        case Status.CANCELLED:
            campaign = a_draft(**changes)
            campaign.cancel(by=ALICE, at=NOON)
        case Status.FAILED:
            campaign = a_scheduled_campaign(**changes)
            campaign.due_launch(by=THE_PRODUCT, at=NOON + timedelta(days=60))
    assert campaign.status is status
    return campaign


def a_deleted_campaign() -> Campaign:
    """The draft of the autumn e-mail, deleted."""
    campaign = a_draft()
    campaign.delete(by=ALICE, at=NOON)
    return campaign
