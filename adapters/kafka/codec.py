"""What is recorded, as Kafka records and back.

A record's headers are its link: the store's epoch, the position published before it to the same partition,
and its own last position. It holds everything that its partition has in (prev, last]. A record without a
value holds nothing: its partition has nothing there (a heartbeat), or, where ``prev`` equals ``last``, what
came before must be read from the store (an announcement).

Events go one by one as a MessagePack array of the stored row. Facts go in envelopes of up to 1,000 binary
rows of PostgreSQL's COPY, in the order of positions: neither side decodes them, the projector copies them
into its batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct
from struct import error as StructError
from typing import NamedTuple
from uuid import UUID

import msgspec

from adapters.event_store.outbox import StoredEvent

ENVELOPE_FACTS = 1_000
ENVELOPE_BYTES = 1 << 20
RECORD_BYTES = 15 << 20
"""A value larger than this is not sent: an announcement stands for it, and projectors read it from the store.
"""

# The form of the value; another number is a newer release's, and not guessed at.
FORM = b"1"

_POSITION = Struct("!q")
_LENGTH = Struct("!i")
_FIELDS = Struct("!h")
_HEAD_OF_ROW = Struct("!hiq")

_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_decoder = msgspec.msgpack.Decoder(StoredEvent)

Headers = Sequence[tuple[str, bytes]]


class NotOurs(Exception):
    """A record that no relay of this release wrote; the message says what is strange about it."""


class Link(NamedTuple):
    """This record holds all of its partition's positions in (prev, last]: ``held`` events or facts."""

    epoch: UUID
    prev: int
    last: int
    held: int


class Publication(NamedTuple):
    """A record to be sent to a partition; without a value it only links. ``held``: events or facts in it."""

    part: int
    prev: int
    last: int
    key: bytes | None = None
    value: bytes | None = None
    held: int = 0


def headers(epoch: UUID, publication: Publication) -> list[tuple[str, bytes]]:
    """The headers of a record."""
    return [
        ("form", FORM),
        ("epoch", epoch.bytes),
        ("prev", _POSITION.pack(publication.prev)),
        ("last", _POSITION.pack(publication.last)),
        ("held", _LENGTH.pack(publication.held)),
    ]


def link(headers: Headers) -> Link:
    """The link in a record's headers. NotOurs."""
    found = dict(headers)
    if found.get("form") != FORM:
        raise NotOurs(f"form {found.get('form')!r} is not known here")
    try:
        (prev,) = _POSITION.unpack(found["prev"])
        (last,) = _POSITION.unpack(found["last"])
        (held,) = _LENGTH.unpack(found["held"])
        epoch = UUID(bytes=found["epoch"])
    except (KeyError, ValueError, StructError) as error:
        raise NotOurs("its headers are not a link") from error
    if prev > last:
        raise NotOurs("its link ends before it begins")
    return Link(epoch, prev, last, held)


def event_publications(events: Sequence[StoredEvent], lasts: list[int], *, upto: int) -> Iterator[Publication]:
    """One record for each event; ``lasts`` is moved along. The last record of a partition links to ``upto``, the end
    of what was read: there is nothing more of it before that."""
    final = {event.part: event.position for event in events}
    for event in events:
        value = _encoder.encode(event)
        last = upto if event.position == final[event.part] else event.position
        yield _linked(lasts, event.part, last, event.stream_id.bytes, value, 1)


def decode_event(value: bytes) -> StoredEvent:
    """The stored event in a record's value. NotOurs."""
    try:
        return _decoder.decode(value)
    except msgspec.MsgspecError as error:
        raise NotOurs("its value is not an event") from error


def fact_publications(
    facts: dict[int, list[tuple[int, bytes]]], lasts: list[int], *, upto: int, most: int = ENVELOPE_FACTS
) -> Iterator[Publication]:
    """Envelopes of at most ``most`` facts and hardly more than 1 MiB; ``lasts`` is moved along, and the last envelope
    of a partition links to ``upto``, as that of events does."""
    for part, rows in facts.items():
        for envelope in _envelopes(rows, most):
            value = b"".join(row for _, row in envelope)
            last = upto if envelope[-1] is rows[-1] else envelope[-1][0]
            yield _linked(lasts, part, last, None, value, len(envelope))


def facts_above(value: bytes, high: int) -> bytes:
    """The rows of an envelope whose positions lie above ``high``; all of them, as a rule. NotOurs."""
    at = 0
    try:
        while at < len(value):
            fields, _, position = _HEAD_OF_ROW.unpack_from(value, at)
            if position > high:
                break
            at += _FIELDS.size
            for _ in range(fields):
                (length,) = _LENGTH.unpack_from(value, at)
                at += _LENGTH.size + max(length, 0)
    except StructError as error:
        raise NotOurs("its value is not an envelope of facts") from error
    return value[at:]


def _envelopes(rows: list[tuple[int, bytes]], most: int) -> Iterator[list[tuple[int, bytes]]]:
    size = 0
    first = 0
    for at, (_, row) in enumerate(rows):
        if at > first and (at - first == most or size + len(row) > ENVELOPE_BYTES):
            yield rows[first:at]
            first, size = at, 0
        size += len(row)
    yield rows[first:]


def _linked(lasts: list[int], part: int, last: int, key: bytes | None, value: bytes, held: int) -> Publication:
    prev, lasts[part] = lasts[part], last
    if len(value) > RECORD_BYTES:
        return Publication(part, last, last)
    return Publication(part, prev, last, key, value, held)
