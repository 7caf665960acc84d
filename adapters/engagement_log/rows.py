"""Facts as rows of ``ballyhoo.fact_in`` in PostgreSQL's binary format, packed by hand.

Packing is a third of what a fact costs in Python, so what repeats is packed once: the fields that one campaign,
label set, kind and type share are a piece that is remembered, and so are the fields that are mostly null.
Source of the format: PostgreSQL's record_recv and array_recv.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from struct import Struct
from typing import Final

from domain.engagement.fact import Fact

_INT8_OID, _INT2_OID, _INT4_OID, _TEXT_OID, _TIMESTAMPTZ_OID, _UUID_OID = 20, 21, 23, 25, 1184, 2950
_COLUMNS = 14

_HEADER = Struct("!ii")
_FIELD_INT2 = Struct("!iih")
_FIELD_INT4 = Struct("!iii")
_FIELD_INT8 = Struct("!iiq")
_ARRAY = Struct("!iiiii")
_INT4 = Struct("!ii")
_INT8 = Struct("!iq")

_NO_UUID: Final = _HEADER.pack(_UUID_OID, -1)
_NO_TIME: Final = _HEADER.pack(_TIMESTAMPTZ_OID, -1)
_NO_TEXT: Final = _HEADER.pack(_TEXT_OID, -1)
_NO_INT8: Final = _HEADER.pack(_INT8_OID, -1)
_NO_INT4: Final = _HEADER.pack(_INT4_OID, -1)
_UUID: Final = _UUID_OID.to_bytes(4, "big")
"""A key is kept with its length (see ``keys``): before it only the type is missing."""
_SIXTEEN: Final = _HEADER.pack(_UUID_OID, 16)
_PLAIN: Final = _NO_UUID + _NO_INT8 + _FIELD_INT4.pack(_INT4_OID, 4, 1)
_PARTS: Final = tuple(_FIELD_INT2.pack(_INT2_OID, 2, part) for part in range(1024))
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


def common(workspace: int, campaign: int | None, labels: int | None, kind: int, type: int) -> bytes:
    """The fields that many facts have in common: workspace, campaign, labels, kind, type."""
    return b"".join(
        (
            _FIELD_INT4.pack(_INT4_OID, 4, workspace),
            _NO_INT4 if campaign is None else _FIELD_INT4.pack(_INT4_OID, 4, campaign),
            _NO_INT4 if labels is None else _FIELD_INT4.pack(_INT4_OID, 4, labels),
            _FIELD_INT4.pack(_INT4_OID, 4, kind),
            _FIELD_INT2.pack(_INT2_OID, 2, type),
        )
    )


def row(fact: Fact, contact: bytes | None, voids: bytes | None, part: int, common: bytes) -> bytes:
    """One element of the array of facts. ``contact`` has 16 bytes; ``voids`` is a key with its length."""
    if fact.occurred_at is None:
        time = _NO_TIME
    else:
        since = fact.occurred_at - _EPOCH
        time = _FIELD_INT8.pack(
            _TIMESTAMPTZ_OID, 8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        )
    if voids is None and fact.amount is None and fact.quantity == 1:
        middle = _PLAIN
    else:
        middle = b"".join(
            (
                _NO_UUID if voids is None else _UUID + voids,
                _NO_INT8 if fact.amount is None else _FIELD_INT8.pack(_INT8_OID, 8, fact.amount),
                _FIELD_INT4.pack(_INT4_OID, 4, fact.quantity),
            )
        )
    encoded = fact.id.encode()
    fields = b"".join(
        (
            time,
            _NO_UUID if contact is None else _SIXTEEN + contact,
            middle,
            _PARTS[part],
            common,
            _HEADER.pack(_TEXT_OID, len(encoded)),
            encoded,
            _NO_TEXT if fact.order_id is None else _text(fact.order_id.encode()),
            _NO_TEXT if fact.properties is None else _text(fact.properties),
        )
    )
    return _HEADER.pack(len(fields) + 4, _COLUMNS) + fields


def _text(encoded: bytes) -> bytes:
    return _HEADER.pack(_TEXT_OID, len(encoded)) + encoded


def array(element_oid: int, elements: Sequence[bytes]) -> bytes:
    """An array without nulls of elements that carry their lengths."""
    if not elements:
        return _ARRAY.pack(0, 0, element_oid, 0, 0)[:12]
    return _ARRAY.pack(1, 0, element_oid, len(elements), 1) + b"".join(elements)


def uuids(elements: Sequence[bytes]) -> bytes:
    """A uuid array of elements with their lengths."""
    return array(_UUID_OID, elements)


def int4s(numbers: Iterable[int]) -> bytes:
    """An int array."""
    return array(_INT4_OID, [_INT4.pack(4, number) for number in numbers])


def int8s(numbers: Iterable[int]) -> bytes:
    """A bigint array."""
    return array(_INT8_OID, [_INT8.pack(8, number) for number in numbers])


def texts(values: Iterable[str]) -> bytes:
    """A text array."""
    encoded = [value.encode() for value in values]
    return array(_TEXT_OID, [len(value).to_bytes(4, "big") + value for value in encoded])


def int8(number: int) -> bytes:
    """A bigint."""
    return number.to_bytes(8, "big", signed=True)


def timestamptz(at: datetime) -> bytes:
    """A timestamptz."""
    since = at - _EPOCH
    return int8((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def read_int4s(raw: bytes | None) -> list[int]:
    """The numbers of an int array without nulls; none where it is null."""
    return [int.from_bytes(item, "big", signed=True) for item in _elements(raw)]


def read_uuids(raw: bytes | None) -> list[bytes]:
    """The 16 bytes of each uuid of an array; none where it is null."""
    return _elements(raw)


def _elements(raw: bytes | None) -> list[bytes]:
    if raw is None or len(raw) <= 12:
        return []
    found: list[bytes] = []
    at = 20
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4], "big")
        found.append(raw[at + 4 : at + 4 + length])
        at += 4 + length
    return found
