"""What can happen to a campaign."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.campaign.content import Content
from domain.campaign.goals import Goals
from domain.campaign.readiness import Readiness
from domain.campaign.schedule import Schedule
from domain.campaign.settings import Audience, Settings
from domain.campaign.words import CampaignType, Delivery, Platform, Status
from domain.shared.event import Created, Event
from domain.shared.money import Money


class CampaignEvent(Event):
    """A fact about one campaign; ``by`` is the opaque id of who decided it."""

    by: str


class CampaignDrafted(CampaignEvent, Created):
    """A campaign was written down, from nothing or as a duplicate of another."""

    TOPIC = "campaign.drafted"

    settings: Settings
    duplicate_of: UUID | None = None


class CampaignChanged(CampaignEvent):
    """Settings were changed by a merge patch.

    ``patch`` is what was asked. ``fields`` names the settings that changed by it, and only those among the
    following attributes hold their new value; a field that is not named means nothing.
    """

    TOPIC = "campaign.changed"

    patch: dict[str, Any]
    fields: tuple[str, ...]
    name: str | None = None
    type: CampaignType | None = None
    delivery: Delivery | None = None
    description: str | None = None
    platforms: tuple[Platform, ...] | None = None
    content: Content | None = None
    audience: Audience | None = None
    budget: Money | None = None
    goals: Goals | None = None
    schedule: Schedule | None = None
    tags: tuple[str, ...] | None = None


class CampaignScheduled(CampaignEvent):
    """The campaign waits for its start, which may be a new one."""

    TOPIC = "campaign.scheduled"

    schedule: Schedule


class CampaignUnscheduled(CampaignEvent):
    """The campaign is a draft again and keeps its schedule for later."""

    TOPIC = "campaign.unscheduled"


class CampaignLaunched(CampaignEvent):
    """The campaign began, by hand or because its start had come (``due_at``).

    ``report`` is what the check before the launch said; ``schedule`` is what is left of the schedule.
    """

    TOPIC = "campaign.launched"

    report: Readiness
    schedule: Schedule
    due_at: datetime | None = None


class CampaignPaused(CampaignEvent):
    """The campaign rests."""

    TOPIC = "campaign.paused"


class CampaignResumed(CampaignEvent):
    """The campaign goes on."""

    TOPIC = "campaign.resumed"


class CampaignCompleted(CampaignEvent):
    """The campaign ended, by hand or because its end had come (``due_at``).

    ``final`` holds its metrics as they were then, with the position that they reflect.
    """

    TOPIC = "campaign.completed"

    final: dict[str, Any]
    due_at: datetime | None = None


class CampaignCancelled(CampaignEvent):
    """The campaign was given up."""

    TOPIC = "campaign.cancelled"


class CampaignFailed(CampaignEvent):
    """The product could not launch the campaign when it was due; ``report`` says what was missing."""

    TOPIC = "campaign.failed"

    reason: str
    detail: str
    report: Readiness
    due_at: datetime


class CampaignArchived(CampaignEvent):
    """The campaign was put away."""

    TOPIC = "campaign.archived"


class CampaignUnarchived(CampaignEvent):
    """The campaign was taken back from the archive, to the status it had before."""

    TOPIC = "campaign.unarchived"

    status: Status


class CampaignDeleted(CampaignEvent):
    """The campaign was deleted; it can be restored."""

    TOPIC = "campaign.deleted"


class CampaignRestored(CampaignEvent):
    """The campaign is as it was before it was deleted."""

    TOPIC = "campaign.restored"


EVENTS: tuple[type[CampaignEvent], ...] = (
    CampaignDrafted,
    CampaignChanged,
    CampaignScheduled,
    CampaignUnscheduled,
    CampaignLaunched,
    CampaignPaused,
    CampaignResumed,
    CampaignCompleted,
    CampaignCancelled,
    CampaignFailed,
    CampaignArchived,
    CampaignUnarchived,
    CampaignDeleted,
    CampaignRestored,
)
