"""The closed lists of words that describe a campaign."""

from __future__ import annotations

from enum import StrEnum


class CampaignType(StrEnum):
    """What the campaign is for."""

    PPV = "ppv"
    SUBSCRIPTION = "subscription"
    PROMOTION = "promotion"
    ENGAGEMENT = "engagement"
    RETENTION = "retention"


class Delivery(StrEnum):
    """How the campaign reaches its audience."""

    BROADCAST = "broadcast"
    DRIP = "drip"
    AUTOMATION = "automation"
    AB_TEST = "ab_test"


class Platform(StrEnum):
    """Where a campaign can be published (PUB-1)."""

    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    ONLYFANS = "onlyfans"
    INSTAGRAM = "instagram"
    TIKTOK = "tiktok"
    REDDIT = "reddit"
    FACEBOOK = "facebook"
    LINKEDIN = "linkedin"
    X = "x"
    ADS = "ads"
    WEBHOOK = "webhook"


class Status(StrEnum):
    """Where a campaign stands. Deleted is no status: a deleted campaign keeps the one it had."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    ARCHIVED = "archived"
