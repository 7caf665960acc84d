"""Arrays of composite values in PostgreSQL's binary format, packed by hand.

psycopg dumps composites as text with an escaping regular expression per field, which costs more than the insert
itself; these few functions pack a row in microseconds. A row is a tuple of fields made by ``text``, ``uuid`` and
the like; the order is that of the composite type. Source of the format: PostgreSQL's record_recv and array_recv.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from struct import Struct
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.abc import AdaptContext
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_INT = Struct("!i")
_HEADER = Struct("!ii")
_INT4 = Struct("!iii")
_INT8 = Struct("!iiq")
_INT2 = Struct("!iih")
_ARRAY = Struct("!iiiii")
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


class CompositeArray:
    """An array parameter: the array type's oid, the element type's oid, and packed rows."""

    __slots__ = ("array_oid", "element_oid", "rows")

    def __init__(self, oids: tuple[int, int], rows: Sequence[bytes]) -> None:
        self.array_oid, self.element_oid = oids
        self.rows = rows


class CompositeArrayDumper(Dumper):
    """Hands a CompositeArray to PostgreSQL as it is."""

    format = Format.BINARY

    def get_key(self, obj: CompositeArray, format: object) -> tuple[type, int]:  # type: ignore[override]
        """Arrays of different types need dumpers of their own."""
        return (self.cls, obj.array_oid)

    def upgrade(self, obj: CompositeArray, format: object) -> CompositeArrayDumper:  # type: ignore[override]
        """A dumper that carries the array's type."""
        dumper = CompositeArrayDumper(self.cls)
        dumper.oid = obj.array_oid
        return dumper

    def dump(self, obj: CompositeArray) -> Buffer | None:
        """The binary form: one dimension, no nulls, lower bound 1; an empty array has no dimension."""
        if not obj.rows:
            return _ARRAY.pack(0, 0, obj.element_oid, 0, 0)[:12]
        parts = [_ARRAY.pack(1, 0, obj.element_oid, len(obj.rows), 1)]
        for packed in obj.rows:
            parts.append(_INT.pack(len(packed)))
            parts.append(packed)
        return b"".join(parts)


def register(connection: AdaptContext) -> None:
    """Teach a connection to send composite arrays."""
    connection.adapters.register_dumper(CompositeArray, CompositeArrayDumper)


def composite_oids(connection: Connection[object], name: str) -> tuple[int, int]:
    """(array oid, element oid) of a composite type. LookupError where a migration is missing."""
    found = connection.execute(
        "select typarray, oid from pg_type where oid = to_regtype(%s)", (name,)
    ).fetchone()
    return _found(found, name)


async def composite_oids_async(connection: AsyncConnection[object], name: str) -> tuple[int, int]:
    """As ``composite_oids``, on an asynchronous connection."""
    cursor = await connection.execute("select typarray, oid from pg_type where oid = to_regtype(%s)", (name,))
    return _found(await cursor.fetchone(), name)


def _found(found: object, name: str) -> tuple[int, int]:
    if not isinstance(found, tuple):
        raise LookupError(f"the type {name} is not in the database: run `ballyhoo migrate`")
    return int(found[0]), int(found[1])
