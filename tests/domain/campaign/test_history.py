"""The history tells each event in words and in values from and to."""

from __future__ import annotations

from typing import cast

import pytest

from domain.campaign.campaign import Campaign
from domain.campaign.events import CampaignEvent
from domain.campaign.history import Entry, entries
from domain.campaign.words import Status
from domain.shared.differences import differences as changes
from tests.examples.campaigns import (
    ALICE,
    AUTUMN,
    BOB,
    NOON,
    THE_PRODUCT,
    TWIN,
    a_campaign_in,
    a_draft,
    a_scheduled_campaign,
    after_noon,
)


def history(campaign: Campaign) -> list[Entry]:
    return list(entries(cast("list[CampaignEvent]", campaign.pending_events)))


@pytest.mark.req("EVT-1", "CAM-6")
def test_each_event_has_its_version_its_actor_and_its_changes() -> None:
    campaign = a_draft()
    campaign.change(
        {"name": "New", "content": {"instagram": None, "default": {"body": "New"}}}, by=BOB, at=NOON
    )
    campaign.launch(by=ALICE, at=after_noon(hours=1))

    drafted, changed, launched = history(campaign)

    assert (drafted.version, drafted.event, drafted.by) == (1, "campaign.drafted", ALICE)
    assert drafted.text == "Drafted “Autumn e-mail”."
    assert {"pointer": "/status", "from": None, "to": "draft"} in drafted.changes
    assert (changed.version, changed.event, changed.by) == (2, "campaign.changed", BOB)
    assert changed.text == "Changed name and content."
    assert changed.changes == (
        {"pointer": "/name", "from": "Autumn e-mail", "to": "New"},
        {"pointer": "/content/default/body", "from": "Come and see.", "to": "New"},
        {"pointer": "/content/instagram", "from": {"body": "Leaves!"}, "to": None},
    )
    assert (launched.text, launched.recorded_at) == ("Launched.", after_noon(hours=1))
    assert launched.changes == ({"pointer": "/status", "from": "draft", "to": "active"},)


def test_a_launch_of_a_scheduled_campaign_shows_that_its_start_is_used_up() -> None:
    campaign = a_scheduled_campaign()
    campaign.due_launch(by=THE_PRODUCT, at=after_noon(days=11))

    _, scheduled, launched = history(campaign)

    assert scheduled.text == "Scheduled for 2026-12-01T08:00:00.000000Z."
    assert scheduled.changes == ({"pointer": "/status", "from": "draft", "to": "scheduled"},)
    assert launched.text == "Launched, as scheduled for 2026-12-01T08:00:00.000000Z."
    assert {change["pointer"] for change in launched.changes} == {"/schedule/starts_at", "/status"}


def test_every_event_has_words() -> None:
    paths = [a_campaign_in(status) for status in Status]
    back = a_campaign_in(Status.ARCHIVED)
    back.unarchive(by=ALICE, at=NOON)
    back.delete(by=ALICE, at=NOON)
    back.restore(by=ALICE, at=NOON)
    back.change({"name": "Autumn e-mail"}, by=ALICE, at=NOON)
    back.change({"name": "New"}, by=ALICE, at=NOON)
    again = a_campaign_in(Status.PAUSED)
    again.resume(by=ALICE, at=NOON)
    again.due_complete({}, by=THE_PRODUCT, at=after_noon(days=30))
    waiting = a_scheduled_campaign()
    waiting.unschedule(by=ALICE, at=NOON)
    twin = a_draft().duplicate({}, id=TWIN, by=ALICE, at=NOON)

    texts = {entry.text for campaign in (*paths, back, again, waiting, twin) for entry in history(campaign)}

    assert texts == {
        "Drafted “Autumn e-mail”.",
        f"Drafted “Autumn e-mail” as a duplicate of {AUTUMN}.",
        "Changed name.",
        "Changed nothing.",
        "Scheduled for 2026-12-01T08:00:00.000000Z.",
        "Taken off the schedule.",
        "Launched.",
        "Paused.",
        "Resumed.",
        "Completed.",
        "Completed, as its end was 2026-12-15T08:00:00.000000Z.",
        "Cancelled.",
        "Failed when due at 2026-12-01T08:00:00.000000Z: "
        "Both its start and its end had passed before it could be launched.",
        "Archived.",
        "Taken back from the archive, draft as before.",
        "Deleted.",
        "Restored.",
    }


def test_arrays_are_compared_as_a_whole_and_what_is_absent_is_null() -> None:
    assert list(changes({"a": [1], "b": {"c": 1}}, {"a": [1, 2], "b": {}, "d": 0})) == [
        {"pointer": "/a", "from": [1], "to": [1, 2]},
        {"pointer": "/b/c", "from": 1, "to": None},
        {"pointer": "/d", "from": None, "to": 0},
    ]
