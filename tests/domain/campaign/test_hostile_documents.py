"""Whatever JSON a client sends is read or refused: nothing else happens, and every fault can be answered."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.campaign.campaign import Campaign
from domain.campaign.settings import read_new, read_settings
from domain.shared.errors import DomainError, Invalid
from tests.examples.campaigns import (
    ALICE,
    AUTUMN,
    BOB,
    NOON,
    TWIN,
    a_draft,
    a_scheduled_campaign,
    autumn_email,
)

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=8) | st.sampled_from(
    ["\0", "\ud800", "a" * 300, "2026-12-01T09:00:00Z", "USD", "email", "~/"]
)
ANY_NUMBER = st.integers() | st.floats() | st.sampled_from([10**400, -1, 0, 10**15, 10**15 + 1])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | ANY_NUMBER | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=8,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path, *(place for name in value for place in _places(value[name], (*path, name)))]
    if isinstance(value, list):
        return [path, *(place for index, item in enumerate(value) for place in _places(item, (*path, index)))]
    return [path]


@st.composite
def _damaged(draw: st.DrawFn) -> Any:
    """The example with something else in up to three of its places, or something new in an object."""
    document: Any = autumn_email()
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from([path for path in _places(document) if path]))
        holder = document
        for parent in parents:
            holder = holder[parent]
        if isinstance(holder, dict) and draw(st.booleans()):
            last = draw(ANY_TEXT)
        holder[last] = draw(ANY_JSON)
    return document


HOSTILE = ANY_JSON | _damaged()
WAYS: dict[str, Callable[[Any], Any]] = {
    "create": lambda raw: Campaign.draft(raw, id=AUTUMN, by=ALICE, at=NOON),
    "change": lambda raw: a_draft().change(raw, by=BOB, at=NOON),
    "change of a scheduled one": lambda raw: a_scheduled_campaign().change(raw, by=BOB, at=NOON),
    "schedule": lambda raw: a_draft().schedule(raw, by=BOB, at=NOON),
    "duplicate": lambda raw: a_draft().duplicate(raw, id=TWIN, by=BOB, at=NOON),
}


@pytest.mark.req("CAM-1")
@pytest.mark.parametrize("way", WAYS)
@given(raw=HOSTILE)
def test_a_hostile_document_is_read_or_refused(way: str, raw: Any) -> None:
    before = copy.deepcopy(raw)

    try:
        WAYS[way](raw)
    except DomainError as refusal:
        for fault in getattr(refusal, "faults", ()):
            assert fault.code
            (fault.pointer + fault.detail).encode()
    assert repr(raw) == repr(before)


@given(HOSTILE)
def test_what_is_read_can_be_stored_and_reads_the_same_again(raw: Any) -> None:
    try:
        _, settings = read_new(raw)
    except Invalid:
        return

    text = json.dumps(settings.document(), ensure_ascii=False, allow_nan=False)

    assert "\\u0000" not in text
    assert read_settings(json.loads(text.encode())) == settings


def test_a_hostile_document_does_not_get_an_endless_answer() -> None:
    with pytest.raises(Invalid) as refusal:
        read_settings({f"field {number}": 1 for number in range(100_000)})

    assert len(refusal.value.faults) == 200
