"""What a campaign says: one entry for each platform, and ``default`` for those without their own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from domain.campaign.words import Platform
from domain.shared.money import Money
from domain.shared.reading import Value

DEFAULT = "default"

_LONGEST_SUBJECT = 998  # a header line of RFC 5322
_LONGEST_BODY = 100_000
_LONGEST_LABEL = 200
_LONGEST_URL = 2_048
_MOST_MEDIA = 50


@dataclass(frozen=True)
class Cta:
    """The call to action. A draft may hold any text as ``url``; a launch needs an absolute one."""

    label: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class Media:
    """A picture, film or file by its address, with the words for those who can't see it."""

    url: str
    alt: str | None = None


@dataclass(frozen=True)
class Entry:
    """Content for one platform. What was left out stays out; a medium sent as a bare address stays one."""

    subject: str | None = None
    body: str | None = None
    cta: Cta | None = None
    media: tuple[str | Media, ...] | None = None
    price: Money | None = None

    @property
    def says_something(self) -> bool:
        """Whether there is anything to publish."""
        return bool(self.subject or self.body or self.media)


Content = dict[str, Entry]

_SPACE = re.compile(r"\s")


def entry_for(platform: Platform, content: Content) -> tuple[str, Entry] | None:
    """What is published on a platform, with the name it stands under: its own entry, else the default."""
    for name in (platform.value, DEFAULT):
        entry = content.get(name)
        if entry is not None and entry.says_something:
            return name, entry
    return None


def is_absolute(url: str | None) -> bool:
    """Whether a link leads somewhere by itself: http or https with a host, without spaces."""
    if not url or _SPACE.search(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def read_content(place: Value, currency: str | None) -> Content:
    """Content as a client sends it; an entry that is null is none."""
    if not place.fields((DEFAULT, *Platform)):
        return {}
    entries = {name: place.field(name) for name in (DEFAULT, *(word.value for word in Platform))}
    return {name: _read_entry(entry, currency) for name, entry in entries.items() if not entry.empty}


def content_document(content: Content) -> dict[str, Any]:
    """Content as every answer writes it."""
    return {name: _entry_document(entry) for name, entry in content.items()}


def _read_entry(place: Value, currency: str | None) -> Entry:
    place.fields(("subject", "body", "cta", "media", "price"))
    return Entry(
        subject=place.field("subject").text(_LONGEST_SUBJECT),
        body=place.field("body").text(_LONGEST_BODY),
        cta=_read_cta(place.field("cta")),
        media=_read_media(place.field("media")),
        price=place.field("price").money(currency),
    )


def _read_cta(place: Value) -> Cta | None:
    if not place.fields(("label", "url")):
        return None
    return Cta(place.field("label").text(_LONGEST_LABEL), place.field("url").text(_LONGEST_URL))


def _read_media(place: Value) -> tuple[str | Media, ...] | None:
    if place.empty:
        return None
    media = [_read_medium(item) for item in place.items(_MOST_MEDIA)]
    return tuple(medium for medium in media if medium is not None)


def _read_medium(place: Value) -> str | Media | None:
    if isinstance(place.raw, str):
        return place.text(_LONGEST_URL, shortest=1)
    if not place.required().fields(("url", "alt")):
        return None
    url = place.field("url").required().text(_LONGEST_URL, shortest=1)
    alt = place.field("alt").text(_LONGEST_LABEL)
    return None if url is None else Media(url, alt)


def _entry_document(entry: Entry) -> dict[str, Any]:
    return _without_nulls(
        {
            "subject": entry.subject,
            "body": entry.body,
            "cta": entry.cta and _without_nulls({"label": entry.cta.label, "url": entry.cta.url}),
            "media": None if entry.media is None else [_medium_document(medium) for medium in entry.media],
            "price": entry.price and entry.price.document(),
        }
    )


def _medium_document(medium: str | Media) -> Any:
    return medium if isinstance(medium, str) else _without_nulls({"url": medium.url, "alt": medium.alt})


def _without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}
