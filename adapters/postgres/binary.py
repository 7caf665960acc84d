"""Arrays of composite values in PostgreSQL's binary format, packed by hand, and plain answers read by hand.

psycopg dumps composites as text with an escaping regular expression per field, which costs more than the insert
itself; these few functions pack a row in microseconds. A row is a tuple of fields made by ``text``, ``uuid`` and
the like; the order is that of the composite type. Source of the format: PostgreSQL's record_recv and array_recv.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from uuid import UUID

from psycopg.adapt import Dumper
from psycopg.pq import Format

_INT = Struct("!i")
_HEADER = Struct("!ii")
_INT4 = Struct("!iii")
_INT8 = Struct("!iiq")
_INT2 = Struct("!iih")
_ARRAY = Struct("!iiiii")
_EMPTY = Struct("!iii")
_NULL = _INT.pack(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_TEXT, _BYTEA, _UUID, _TIMESTAMPTZ, _OID_INT2, _OID_INT4, _OID_INT8 = 25, 17, 2950, 1184, 21, 23, 20
_SIXTEEN = _HEADER.pack(_UUID, 16)


def text(value: str | None) -> bytes:
    """A text field."""
    if value is None:
        return _HEADER.pack(_TEXT, -1)
    encoded = value.encode()
    return _HEADER.pack(_TEXT, len(encoded)) + encoded


def bytea(value: bytes | None) -> bytes:
    """A bytea field."""
    return _HEADER.pack(_BYTEA, -1) if value is None else _HEADER.pack(_BYTEA, len(value)) + value


def uuid(value: UUID | None) -> bytes:
    """A uuid field."""
    return _HEADER.pack(_UUID, -1) if value is None else _SIXTEEN + value.bytes


def uuid_bytes(value: bytes) -> bytes:
    """A uuid field of 16 bytes."""
    return _SIXTEEN + value


def int2(value: int | None) -> bytes:
    """A smallint field."""
    return _HEADER.pack(_OID_INT2, -1) if value is None else _INT2.pack(_OID_INT2, 2, value)


def int4(value: int | None) -> bytes:
    """An int field."""
    return _HEADER.pack(_OID_INT4, -1) if value is None else _INT4.pack(_OID_INT4, 4, value)


def int8(value: int | None) -> bytes:
    """A bigint field."""
    return _HEADER.pack(_OID_INT8, -1) if value is None else _INT8.pack(_OID_INT8, 8, value)


def timestamptz(value: datetime | None) -> bytes:
    """A timestamptz field, exact to the microsecond."""
    if value is None:
        return _HEADER.pack(_TIMESTAMPTZ, -1)
    since = value - _EPOCH
    return _INT8.pack(_TIMESTAMPTZ, 8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def row(columns: int, *fields: bytes) -> bytes:
    """One composite value of so many columns; whoever knows those that are missing at its end adds them."""
    return _INT.pack(columns) + b"".join(fields)


def array(element_oid: int, rows: Sequence[bytes]) -> bytes:
    """An array of composite values: one dimension, no nulls, lower bound 1; an empty one has no dimension."""
    if not rows:
        return _EMPTY.pack(0, 0, element_oid)
    parts = [_ARRAY.pack(1, 0, element_oid, len(rows), 1)]
    for one in rows:
        parts.append(_INT.pack(len(one)))
        parts.append(one)
    return b"".join(parts)


class Texts(Dumper):
    """A list of texts as a parameter or in a COPY; psycopg's own finds out type and shape of every list anew."""

    format = Format.BINARY
    oid = 1009

    def dump(self, obj: Sequence[str]) -> bytes:
        """The array."""
        return array(_TEXT, [one.encode() for one in obj])


def value(field: bytes) -> bytes | None:
    """A field as a parameter by itself, without its type and length."""
    return None if field[4:8] == _NULL else field[8:]


def integers(array: bytes | None) -> list[int]:
    """An array of int or bigint without nulls, as it was answered."""
    if array is None or len(array) < _ARRAY.size:
        return []
    width = int.from_bytes(array[20:24], "big")
    return [
        int.from_bytes(array[at : at + width], "big", signed=True) for at in range(24, len(array), 4 + width)
    ]


def integer(answered: bytes | None) -> int:
    """An int or bigint as it was answered; null is 0."""
    return 0 if answered is None else int.from_bytes(answered, "big", signed=True)


def moment(answered: bytes | None) -> datetime:
    """A timestamptz as it was answered."""
    return _EPOCH + timedelta(microseconds=integer(answered))
