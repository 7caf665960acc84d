"""Records and back."""

from __future__ import annotations

from datetime import UTC, datetime
from struct import pack
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.event_store.outbox import StoredEvent
from adapters.kafka import codec
from adapters.kafka.codec import Link, NotOurs, Publication

EPOCH = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
NOON = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)

LAUNCHED = StoredEvent(
    position=7, part=2, stream_id=UUID(int=5), recorded_at=NOON, occurred_at=NOON, event_id=UUID(int=6), workspace=1,
    stream=3, version=4, causation=None, topic="campaign.launched", actor="key:1", correlation="request-1",
    state=b'{"by": "x"}',
)  # fmt: skip


def fact(position: int, part: int = 0, width: int = 10) -> tuple[int, bytes]:
    """A binary row of COPY: position, part, a text and a null."""
    return position, pack(f"!hiqihi{width}si", 4, 8, position, 2, part, width, b"x" * width, -1)


def test_an_event_comes_back_as_it_was() -> None:
    (publication,) = codec.event_publications([LAUNCHED], [0, 0, 4], upto=7)

    assert publication == Publication(2, 4, 7, UUID(int=5).bytes, publication.value, 1)
    assert publication.value is not None
    assert codec.decode_event(publication.value) == LAUNCHED


def test_a_link_comes_back_as_it_was() -> None:
    headers = codec.headers(EPOCH, Publication(0, 3, 9, held=5))

    assert codec.link(headers) == Link(EPOCH, 3, 9, 5)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("form", b"2")],
        [("form", codec.FORM), ("epoch", b"short")],
        codec.headers(EPOCH, Publication(0, 9, 3)),
        [*codec.headers(EPOCH, Publication(0, 3, 9)), ("prev", b"")],
    ],
)
def test_what_no_relay_wrote_is_refused(headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises(NotOurs):
        codec.link(headers)


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(NotOurs):
        codec.decode_event(b"\x93\x01\x02\x03")


@given(st.integers(1, 60), st.integers(1, 7))
def test_envelopes_hold_every_fact_once_and_link(count: int, most: int) -> None:
    facts = {part: [fact(at, part) for at in range(1, count + 1) if at % 3 == part] for part in range(3)}
    lasts = [0, 0, 0]

    held = {part: rows for part, rows in facts.items() if rows}
    publications = list(codec.fact_publications(held, lasts, upto=count + 5, most=most))

    for part, rows in facts.items():
        mine = [publication for publication in publications if publication.part == part]
        assert b"".join(publication.value or b"" for publication in mine) == b"".join(row for _, row in rows)
        assert all(publication.held <= most for publication in mine)
        assert [publication.prev for publication in mine] == [0, *(publication.last for publication in mine)][
            : len(mine)
        ]
        full = range(most - 1, len(rows) - 1, most)
        assert [publication.last for publication in mine[:-1]] == [rows[at][0] for at in full]
        assert lasts[part] == (count + 5 if rows else 0)


def test_an_envelope_is_full_at_a_mebibyte() -> None:
    rows = [fact(at, width=400_000) for at in range(1, 6)]

    held = [publication.held for publication in codec.fact_publications({0: rows}, [0], upto=5)]

    assert held == [2, 2, 1]


@given(st.integers(0, 12))
def test_facts_above_a_position_are_cut_out_without_decoding(high: int) -> None:
    rows = [fact(at) for at in range(1, 11)]

    above = codec.facts_above(b"".join(row for _, row in rows), high)

    assert above == b"".join(row for position, row in rows if position > high)


def test_an_envelope_that_breaks_off_is_refused() -> None:
    with pytest.raises(NotOurs):
        codec.facts_above(fact(1)[1][:-6], 5)


def test_for_a_value_too_large_an_announcement_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "RECORD_BYTES", 20)
    lasts = [0, 0, 4]

    (publication,) = codec.event_publications([LAUNCHED], lasts, upto=9)

    assert publication == Publication(2, 9, 9)
    assert lasts == [0, 0, 9]


def test_the_last_event_of_a_partition_links_to_the_end_of_what_was_read() -> None:
    later = LAUNCHED._replace(position=8)
    lasts = [0, 0, 4]

    first, last = codec.event_publications([LAUNCHED, later], lasts, upto=12)

    assert [(first.prev, first.last), (last.prev, last.last)] == [(4, 7), (7, 12)]
    assert lasts == [0, 0, 12]
