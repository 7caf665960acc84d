"""Everything about a campaign that its people write: read, checked, merged and written as one document."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

from domain.campaign.content import Content, content_document, read_content
from domain.campaign.goals import Goals, read_goals
from domain.campaign.schedule import Schedule, read_schedule
from domain.campaign.words import CampaignType, Delivery, Platform
from domain.shared.errors import Invalid
from domain.shared.merge_patch import merged
from domain.shared.money import Money
from domain.shared.reading import Value, document

RESERVED = ("message", "tracking_url", "webhook_url", "allocation", "accounts")
DEFAULT_CURRENCY = "USD"

_LONGEST_NAME = 200
_LONGEST_DESCRIPTION = 10_000
_LONGEST_TAG = 64
_MOST_TAGS = 50


@dataclass(frozen=True)
class Audience:
    """Whom a campaign addresses: everybody. Segments and contacts are reserved."""

    kind: str = "all"
    segment_ids: tuple[UUID, ...] = ()
    exclude_segment_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class Settings:
    """A campaign as its people wrote it. Every money in it has ``currency``."""

    name: str
    type: CampaignType
    delivery: Delivery
    currency: str = DEFAULT_CURRENCY
    description: str | None = None
    platforms: tuple[Platform, ...] = ()
    content: Content = field(default_factory=dict)
    audience: Audience = Audience()
    budget: Money | None = None
    goals: Goals = field(default_factory=Goals)
    schedule: Schedule = field(default_factory=Schedule)
    tags: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As every answer writes it, and as a merge patch finds it."""
        return {
            "name": self.name,
            "description": self.description,
            "type": self.type.value,
            "delivery": self.delivery.value,
            "platforms": [platform.value for platform in self.platforms],
            "content": content_document(self.content),
            "audience": {
                "kind": self.audience.kind,
                "segment_ids": [str(id) for id in self.audience.segment_ids],
                "exclude_segment_ids": [str(id) for id in self.audience.exclude_segment_ids],
            },
            "currency": self.currency,
            "budget": self.budget and self.budget.document(),
            "goals": self.goals.document(),
            "schedule": self.schedule.document(),
            "tags": list(self.tags),
        }


FIELDS = tuple(item.name for item in fields(Settings))


def read_settings(raw: Any) -> Settings:
    """The settings that a client's document describes. Raises Invalid with every fault at once."""
    root = document(raw)
    root.fields(FIELDS, RESERVED)
    return _settings(root)


def read_new(raw: Any) -> tuple[UUID | None, Settings]:
    """As ``read_settings``, of something new: the document may name its ``id``."""
    root = document(raw)
    root.fields((*FIELDS, "id"), RESERVED)
    id = root.field("id").uuid()
    return id, _settings(root)


def patched(settings: Settings, patch: Any) -> Settings:
    """The settings after a merge patch (RFC 7396). Raises Invalid with every fault at once."""
    document(patch)
    return read_settings(merged(settings.document(), patch))


def patched_copy(settings: Settings, patch: Any) -> tuple[UUID | None, Settings]:
    """As ``patched``, of something new: the patch may name its ``id``."""
    document(patch)
    return read_new(merged(settings.document(), patch))


def changed_fields(before: Settings, after: Settings) -> tuple[str, ...]:
    """The names of the fields that differ."""
    return tuple(name for name in FIELDS if getattr(before, name) != getattr(after, name))


def _settings(root: Value) -> Settings:
    currency = _read_currency(root)
    settings = Settings(
        name=root.field("name").required().text(_LONGEST_NAME, shortest=1) or "",
        type=root.field("type").required().choice(CampaignType) or CampaignType.PROMOTION,
        delivery=root.field("delivery").required().choice(Delivery) or Delivery.BROADCAST,
        currency=currency or DEFAULT_CURRENCY,
        description=root.field("description").text(_LONGEST_DESCRIPTION),
        platforms=_read_platforms(root.field("platforms")),
        content=read_content(root.field("content"), currency),
        audience=_read_audience(root.field("audience")),
        budget=root.field("budget").money(currency),
        goals=read_goals(root.field("goals"), currency),
        schedule=read_schedule(root.field("schedule")),
        tags=_read_tags(root.field("tags")),
    )
    if root.faults:
        raise Invalid(root.faults)
    return settings


def _read_currency(root: Value) -> str | None:
    """The currency that is named, else the budget's, else dollars; None where the one named is none."""
    place = root.field("currency")
    if not place.empty:
        return place.currency()
    budget = root.field("budget").field("currency")
    unheard = Value(budget.raw, budget.pointer, [])  # a faulty one is reported where the budget is read
    return DEFAULT_CURRENCY if budget.empty else unheard.currency()


def _read_platforms(place: Value) -> tuple[Platform, ...]:
    named = [item.required().choice(Platform) for item in place.items(most=100)]
    return tuple(dict.fromkeys(platform for platform in named if platform is not None))


def _read_tags(place: Value) -> tuple[str, ...]:
    named = [item.required().text(_LONGEST_TAG, shortest=1) for item in place.items(_MOST_TAGS)]
    return tuple(dict.fromkeys(tag for tag in named if tag is not None))


def _read_audience(place: Value) -> Audience:
    if place.fields(("kind", "segment_ids", "exclude_segment_ids")):
        kind = place.field("kind")
        if kind.raw in ("segments", "contacts"):
            kind.fault("reserved", "Audiences other than all are reserved for a later version.")
        elif kind.raw not in (None, "all"):
            kind.fault("choice", "Must be: all.")
        for name in ("segment_ids", "exclude_segment_ids"):
            segments = place.field(name)
            if segments.raw not in (None, []):
                segments.fault("reserved", "Segments are reserved for a later version.")
    return Audience()
