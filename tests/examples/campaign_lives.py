"""Random lives of a campaign: commands a day apart, of which some are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st

from domain.campaign.campaign import Campaign
from domain.campaign.state import CampaignState
from domain.shared.errors import DomainError
from tests.examples.campaigns import ALICE, AUTUMN, NOON, autumn_email

Command = Callable[..., Any]

MOMENTS = st.integers(-3, 40).map(lambda days: (NOON + timedelta(days=days)).isoformat())
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5)
PLATFORMS = st.sampled_from(["email", "sms", "instagram"])
MONEY = st.fixed_dictionaries({"amount": st.integers(0, 1000), "currency": st.just("USD")})
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.none() | TEXTS,
        "body": st.none() | TEXTS,
        "cta": st.none()
        | st.fixed_dictionaries({"label": TEXTS, "url": st.sampled_from(["https://a.b", "/c"])}),
        "media": st.lists(st.just("https://a.b/c.jpg"), max_size=2),
        "price": st.none() | MONEY,
    },
)
SCHEDULE = st.fixed_dictionaries(
    {},
    optional={"starts_at": st.none() | MOMENTS, "ends_at": st.none() | MOMENTS, "time_zone": st.just("UTC")},
)
PATCH = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXTS,
        "description": st.none() | TEXTS,
        "type": st.sampled_from(["ppv", "retention"]),
        "platforms": st.lists(PLATFORMS, max_size=3),
        "content": st.dictionaries(st.just("default") | PLATFORMS, st.none() | ENTRY, max_size=3),
        "budget": st.none() | MONEY,
        "goals": st.none() | st.fixed_dictionaries({"conversions": st.none() | st.integers(1, 9)}),
        "schedule": SCHEDULE,
        "tags": st.none() | st.lists(TEXTS, max_size=3),
    },
)
_COMMANDS = st.one_of(
    st.sampled_from(
        [
            Campaign.unschedule,
            Campaign.launch,
            Campaign.pause,
            Campaign.resume,
            Campaign.cancel,
            Campaign.archive,
            Campaign.unarchive,
            Campaign.delete,
            Campaign.restore,
            Campaign.due_launch,
        ]
    ),
    st.builds(lambda patch: partial(_with, Campaign.change, patch), PATCH),
    st.builds(lambda details: partial(_with, Campaign.schedule, details), SCHEDULE),
    st.builds(lambda clicks: partial(_with, Campaign.complete, {"clicks": clicks}), st.integers(0, 9)),
    st.just(partial(lambda campaign, **when: campaign.due_complete({"clicks": 0}, **when))),
)


def _with(method: Command, argument: Any, campaign: Campaign, **when: Any) -> None:
    method(campaign, argument, **when)


LIVES = st.lists(_COMMANDS, max_size=25)


def lived(commands: list[Command]) -> tuple[Campaign, list[CampaignState]]:
    """A campaign after commands a day apart, some of them refused, and its state after each event."""
    campaign = Campaign.draft(autumn_email(), id=AUTUMN, by=ALICE, at=NOON)
    states = [campaign.state()]
    for day, command in enumerate(commands, 1):
        before, version = campaign.state(), campaign.version
        try:
            command(campaign, by=ALICE, at=NOON + timedelta(days=day))
        except DomainError:
            assert (campaign.state(), campaign.version) == (before, version)
        else:
            assert campaign.version == version + 1, "an accepted command is exactly one event"
            states.append(campaign.state())
    return campaign, states
