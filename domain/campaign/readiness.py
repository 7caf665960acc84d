"""Whether a campaign can be launched: every problem at once, each with the field and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.campaign.content import DEFAULT, Entry, entry_for, is_absolute
from domain.campaign.schedule import faults_of_end
from domain.campaign.settings import Settings
from domain.campaign.words import CampaignType, Platform, Status


class Severity(StrEnum):
    """An error keeps a campaign from being launched, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Problem:
    """What is wrong where, and what to do about it."""

    pointer: str
    code: str
    detail: str
    mend: str
    severity: Severity = Severity.ERROR

    def document(self) -> dict[str, Any]:
        """As every answer writes it."""
        return {
            "pointer": self.pointer,
            "code": self.code,
            "detail": self.detail,
            "mend": self.mend,
            "severity": self.severity.value,
        }


@dataclass(frozen=True)
class Readiness:
    """The report: ready when no problem is an error."""

    problems: tuple[Problem, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether a launch may go ahead."""
        return all(problem.severity is Severity.WARNING for problem in self.problems)

    def document(self) -> dict[str, Any]:
        """As every answer writes it."""
        return {"ready": self.ready, "problems": [problem.document() for problem in self.problems]}


def readiness(settings: Settings, status: Status, at: datetime, *, due: bool = False) -> Readiness:
    """The report on launching now (``at``). ``due`` says that the start has come, so it is past by right."""
    return Readiness(
        (
            *_problems_of_platforms(settings),
            *_problems_of_links(settings),
            *_problems_of_schedule(settings, status, at, due),
            *_oddities(settings),
        )
    )


def _problems_of_platforms(settings: Settings) -> Iterator[Problem]:
    if not settings.platforms:
        yield Problem(
            "/platforms",
            "required",
            "No platform is chosen.",
            f"Choose at least one of: {', '.join(Platform)}.",
        )
    for platform in settings.platforms:
        if entry_for(platform, settings.content) is None:
            yield Problem(
                f"/content/{platform}",
                "no_content",
                f"There is nothing to publish on {platform}.",
                f"Write content for {platform}, or a default for all platforms.",
            )


def _problems_of_links(settings: Settings) -> Iterator[Problem]:
    for name, entry in settings.content.items():
        if entry.cta is not None and not is_absolute(entry.cta.url):
            yield Problem(
                f"/content/{name}/cta/url",
                "not_absolute",
                "The call to action leads nowhere: its address is not absolute.",
                "Give the whole address, such as https://example.com/shop, or remove the call to action.",
            )
        for index, medium in enumerate(entry.media or ()):
            url = medium if isinstance(medium, str) else medium.url
            if not is_absolute(url):
                yield Problem(
                    f"/content/{name}/media/{index}",
                    "not_absolute",
                    "The address of this medium is not absolute.",
                    "Give the whole address, such as https://example.com/picture.jpg.",
                    Severity.WARNING,
                )


def _problems_of_schedule(settings: Settings, status: Status, at: datetime, due: bool) -> Iterator[Problem]:
    schedule = settings.schedule
    if schedule.starts_at is not None and schedule.starts_at <= at and not due:
        if status is Status.SCHEDULED:
            yield Problem(
                "/schedule/starts_at",
                "past",
                "The start is past.",
                "Schedule a later start, or unschedule first.",
            )
        elif status is Status.DRAFT:
            yield Problem(
                "/schedule/starts_at",
                "past",
                "The start is past.",
                "Give a later start before scheduling; a launch now does not need one.",
                Severity.WARNING,
            )
    for fault in faults_of_end(schedule, at, "/schedule"):
        yield Problem(fault.pointer, fault.code, fault.detail, "Give a later end, or none.")


def _oddities(settings: Settings) -> Iterator[Problem]:
    published = dict(
        found
        for platform in settings.platforms
        if (found := entry_for(platform, settings.content)) is not None
    )
    for name, entry in published.items():
        yield from _oddities_of_entry(name, entry, settings)
    for name in settings.content:
        if name != DEFAULT and name not in settings.platforms:
            yield Problem(
                f"/content/{name}",
                "unused",
                f"There is content for {name}, which is not among the platforms.",
                f"Add {name} to the platforms, or remove its content.",
                Severity.WARNING,
            )


def _oddities_of_entry(name: str, entry: Entry, settings: Settings) -> Iterator[Problem]:
    if not entry.body:
        yield Problem(
            f"/content/{name}/body", "required", "There is no text.", "Write a body.", Severity.WARNING
        )
    mailed = entry_for(Platform.EMAIL, settings.content) if Platform.EMAIL in settings.platforms else None
    if mailed is not None and mailed[0] == name and not entry.subject:
        yield Problem(
            f"/content/{name}/subject",
            "required",
            "The e-mail has no subject.",
            "Write a subject.",
            Severity.WARNING,
        )
    if settings.type is CampaignType.PPV and entry.price is None:
        yield Problem(
            f"/content/{name}/price",
            "required",
            "A pay-per-view campaign has no price.",
            "Give a price.",
            Severity.WARNING,
        )
