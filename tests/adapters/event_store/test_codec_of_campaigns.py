"""Whatever happens to a campaign goes through the codec and comes back as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from adapters.event_store.codec import Codec
from domain.campaign.state import CampaignState
from domain.catalogue import EVENTS
from tests.examples.campaign_lives import LIVES, Command, lived
from tests.examples.campaigns import AUTUMN

CODEC = Codec(EVENTS)


@pytest.mark.req("EVT-1", "EVT-10")
@given(LIVES)
def test_events_and_states_come_back_as_they_were(commands: list[Command]) -> None:
    campaign, states = lived(commands)

    for event in campaign.pending_events:
        written: Any = event
        state = CODEC.encode(written)
        version, at = written.originator_version, written.timestamp
        assert CODEC.decode(written.TOPIC, state, id=AUTUMN, version=version, at=at) == event
    for known in states:
        assert CODEC.decode_state(CampaignState, CODEC.encode_state(known)) == known
