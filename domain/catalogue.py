"""Every event that can happen, in one list: what the codec knows, and what samples are kept of."""

from __future__ import annotations

from domain.ab_test.events import EVENTS as AB_TEST_EVENTS
from domain.campaign.events import EVENTS as CAMPAIGN_EVENTS
from domain.shared.event import Event
from domain.workspace.events import EVENTS as WORKSPACE_EVENTS

EVENTS: tuple[type[Event], ...] = (
    *CAMPAIGN_EVENTS,
    *AB_TEST_EVENTS,
    *WORKSPACE_EVENTS,
)
