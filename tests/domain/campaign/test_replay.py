"""Whatever is decided in whatever order: replaying the events gives the live state, at every version."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.campaign.campaign import Campaign
from domain.campaign.events import EVENTS, CampaignDrafted, CampaignEvent
from domain.campaign.history import entries
from domain.campaign.settings import read_settings
from domain.campaign.state import KNOWN, CampaignState, begun, evolve
from domain.campaign.words import Status
from tests.examples.campaign_lives import LIVES, PATCH, Command, lived
from tests.examples.campaigns import ALICE, AUTUMN, NOON, TWIN, autumn_email


@pytest.mark.req("EVT-1", "EVT-5")
@given(LIVES)
def test_a_replay_gives_the_live_state_at_every_version(commands: list[Command]) -> None:
    campaign, states = lived(commands)

    replayed: Any = None
    for event, state in zip(campaign.pending_events, states, strict=True):
        replayed = event.mutate(replayed)
        assert replayed.state() == state
    assert (replayed.id, replayed.version) == (campaign.id, campaign.version)
    assert (replayed.created_on, replayed.modified_on) == (campaign.created_on, campaign.modified_on)
    assert replayed.due_work() == campaign.due_work()


@pytest.mark.req("EVT-10")
@given(LIVES, st.data())
def test_a_snapshot_and_the_events_after_it_give_the_same(
    commands: list[Command], data: st.DataObject
) -> None:
    campaign, states = lived(commands)
    events = campaign.pending_events
    taken = data.draw(st.integers(1, len(events)))

    restored: Any = Campaign.from_state(AUTUMN, taken, NOON, events[taken - 1].timestamp, states[taken - 1])
    for event in events[taken:]:
        restored = event.mutate(restored)

    assert (restored.state(), restored.version) == (campaign.state(), campaign.version)
    assert (restored.created_on, restored.modified_on) == (campaign.created_on, campaign.modified_on)


@given(LIVES)
def test_the_changes_of_the_history_lead_from_nothing_to_the_settings(commands: list[Command]) -> None:
    campaign, _ = lived(commands)
    events = cast("list[CampaignEvent]", campaign.pending_events)

    document: dict[str, Any] = {}
    for entry in entries(events):
        for change in entry.changes:
            _put(document, change["pointer"].split("/")[1:], change["from"], change["to"])

    document.pop("deleted_at", None)
    expected = campaign.settings.document() | {"status": campaign.status.value}
    assert _without_nulls(document) == _without_nulls(expected)


@given(PATCH)
def test_the_document_of_settings_reads_as_the_same_settings(patch: dict[str, Any]) -> None:
    settings = read_settings(
        autumn_email() | {name: value for name, value in patch.items() if value is not None}
    )

    assert read_settings(settings.document()) == settings


def test_the_first_event_begins_the_state_and_no_other_does() -> None:
    campaign = Campaign.draft(autumn_email(), id=AUTUMN, by=ALICE, at=NOON)
    twin = campaign.duplicate({}, id=TWIN, by=ALICE, at=NOON)

    first = twin.pending_events[0]

    assert isinstance(first, CampaignDrafted)
    made = CampaignState(first.settings, Status.DRAFT, first.by, first.duplicate_of)
    assert vars(begun(first)) == vars(made) == vars(twin.state())
    with pytest.raises(TypeError):
        evolve(twin.state(), first)


def _put(document: dict[str, Any], path: list[str], old: Any, new: Any) -> None:
    *parents, name = path
    for parent in parents:
        document = document.setdefault(parent, {})
    assert _without_nulls(document.get(name)) == _without_nulls(old)
    document[name] = new


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


def test_every_event_but_the_first_changes_a_state() -> None:
    assert {*EVENTS} - {CampaignDrafted} == KNOWN
