"""A duplicate is a new draft with all settings, changed by a merge patch."""

from __future__ import annotations

import pytest

from domain.shared.errors import Invalid
from tests.examples.campaigns import AUTUMN, BOB, NOON, TWIN, a_draft, an_active_campaign


@pytest.mark.req("CAM-5")
def test_all_settings_are_taken_over_but_those_that_the_patch_changes() -> None:
    campaign = an_active_campaign()

    twin = campaign.duplicate({"name": "Winter", "goals": None, "type": "ppv"}, id=TWIN, by=BOB, at=NOON)

    assert twin.settings.document() == campaign.settings.document() | {
        "name": "Winter",
        "goals": {},
        "type": "ppv",
    }
    assert (twin.id, twin.version, twin.status) == (TWIN, 1, "draft")
    assert (twin.state().duplicate_of, twin.state().created_by) == (AUTUMN, BOB)
    assert twin.state().started_at is None


@pytest.mark.req("CAM-5")
def test_the_original_is_not_touched() -> None:
    campaign = a_draft()
    before = campaign.state()

    campaign.duplicate({"name": "Winter", "content": {"default": None}}, id=TWIN, by=BOB, at=NOON)

    assert (campaign.state(), campaign.version) == (before, 1)


def test_a_duplicate_may_have_another_currency_where_every_money_has_it() -> None:
    campaign = a_draft(budget=None, goals={}, content={})

    assert campaign.duplicate({"currency": "EUR"}, id=TWIN, by=BOB, at=NOON).currency == "EUR"
    with pytest.raises(Invalid, match="/budget/currency"):
        a_draft().duplicate({"currency": "EUR"}, id=TWIN, by=BOB, at=NOON)


def test_the_patch_may_name_the_new_id() -> None:
    named = "01935000-0000-7000-8000-00000000000a"

    assert str(a_draft().duplicate({"id": named}, id=TWIN, by=BOB, at=NOON).id) == named
