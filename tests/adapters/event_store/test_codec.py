"""What is written comes back: every class of the catalogue, with any content."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, get_type_hints
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.event_store.codec import Codec, UnknownTopic
from domain.catalogue import EVENTS
from domain.shared.event import Event
from tests.support.by_type import any_of, same

CODEC = Codec(EVENTS)
STREAM = UUID("01935000-0000-7000-8000-000000000001")
RECORDED = datetime(2026, 12, 1, 8, 0, 0, 1, UTC)
ENVELOPE = {"originator_id": STREAM, "originator_version": 3, "timestamp": RECORDED}

pytestmark = pytest.mark.req("EVT-1", "EVT-9")


def events(cls: type[Event]) -> st.SearchStrategy[Any]:
    """Any event of a class, in one place of one stream."""
    hints = get_type_hints(cls)
    content = {
        field.name: any_of(hints[field.name]) for field in dataclasses.fields(cls) if field.name not in ENVELOPE
    }
    return st.builds(cls, **{name: st.just(value) for name, value in ENVELOPE.items()}, **content)


@pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.TOPIC)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_event_comes_back_as_it_was(cls: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(cls))

    state = CODEC.encode(event)
    back = CODEC.decode(cls.TOPIC, state, id=STREAM, version=3, at=RECORDED)

    assert type(back) is cls
    assert same(vars(back), vars(event))
    assert CODEC.encode(back) == state


def test_an_event_takes_the_time_at_which_it_was_recorded() -> None:
    event = CODEC.decode("campaign.paused", b'{"by":"alice"}', id=STREAM, version=3, at=RECORDED)

    assert (event.originator_id, event.originator_version, event.timestamp) == (STREAM, 3, RECORDED)


def test_a_field_of_a_newer_shape_is_passed_over() -> None:
    event: Any = CODEC.decode("campaign.paused", b'{"by":"alice","mood":"calm"}', id=STREAM, version=3, at=RECORDED)

    assert event.by == "alice"
    assert not hasattr(event, "mood")


def test_an_unknown_topic_is_not_guessed_at() -> None:
    with pytest.raises(UnknownTopic, match=r"campaign\.teleported"):
        CODEC.decode("campaign.teleported", b"{}", id=STREAM, version=3, at=RECORDED)
