"""A row of the list is the fold of its campaign's events, and comes back from the table as it went in."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.campaign.campaign import Campaign
from domain.shared.event import Event
from domain.shared.made import made
from projections.campaign_list import CampaignRow, LostEvent, columns, fold, loaded, searched
from projections.projection import Happened
from tests.examples.campaigns import ALICE, NOON, a_draft, after_noon


def happened(campaign: Campaign) -> list[Happened]:
    """What was decided, as the log gives it back: each event with the time at which it was recorded."""
    found = []
    for position, event in enumerate(campaign.collect_events(), start=40):
        at = NOON + timedelta(seconds=position)
        stored = made(type(event), vars(event) | {"timestamp": at})
        found.append(Happened(position, at, 1, 7, campaign.id, event.originator_version, stored))
    return found


def folded(events: list[Happened]) -> CampaignRow:
    """The row after all of them."""
    row = None
    for event in events:
        row = fold(row, event)
    assert row is not None
    return row


@pytest.mark.req("CAM-1", "EVT-3")
def test_a_row_stands_where_its_campaign_stands() -> None:
    campaign = a_draft()
    campaign.launch(by=ALICE, at=NOON)
    campaign.pause(by=ALICE, at=after_noon(hours=1))
    campaign.change({"name": "Winter e-mail", "tags": ["snow"]}, by=ALICE, at=after_noon(hours=2))

    row = folded(happened(campaign))

    assert (row.version, row.workspace, row.stream) == (4, 1, 7)
    assert (row.created_at, row.updated_at) == (NOON + timedelta(seconds=40), NOON + timedelta(seconds=43))
    assert row.state.status == "paused"
    assert row.state.settings.name == "Winter e-mail"


@pytest.mark.req("CAM-1")
def test_a_row_comes_back_as_it_was_written() -> None:
    row = folded(happened(a_draft()))

    stored = columns(row)

    names = ("stream", "workspace", "id", "version", "created_at", "updated_at")
    back = loaded((*(getattr(row, name) for name in names), stored["state"]))
    assert back == row
    assert stored["platforms"] == ["email", "instagram"]
    assert stored["words"] == "autumn e-mail\nfor everyone who bought last autumn\nautumn\nmail"


@pytest.mark.req("EVT-3")
def test_a_gap_between_versions_is_noticed() -> None:
    campaign = a_draft()
    campaign.launch(by=ALICE, at=NOON)
    campaign.pause(by=ALICE, at=NOON)
    first, _, third = happened(campaign)

    with pytest.raises(LostEvent, match=r"version 3 .* where 1 stands"):
        folded([first, third])


def test_what_is_no_campaigns_event_changes_nothing() -> None:
    row = folded(happened(a_draft()))
    foreign = Happened(1, NOON, 1, 7, uuid4(), 1, Event.__new__(Event))

    assert fold(row, foreign) is row
    assert fold(None, foreign) is None


def test_text_is_searched_in_lower_case_name_description_and_tags() -> None:
    assert searched("ÉTÉ", None, ["VIP"]) == "été\n\nvip"
