"""One group on the wire: the pieces of many requests as the parameters of one append, and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.pq.abc import PGresult

from adapters.engagement_log import rows
from adapters.engagement_log.interning import ContactKey
from adapters.engagement_log.queue import Piece

STATEMENT = """
  (ballyhoo.fact_in[], uuid[], int[], uuid[], int[], text[], uuid[], int[], bigint[], boolean, uuid, bigint,
   timestamptz) as select head, events_head, duplicates, moved, moved_to
      from ballyhoo.append_facts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"""


@dataclass(frozen=True, slots=True)
class Appended:
    """The heads of both logs after the append, the 1-based duplicates, the contacts that had another uuid."""

    engagement: int
    events: int
    duplicates: list[int]
    moved: dict[bytes, bytes]

    @staticmethod
    def read(result: PGresult) -> Appended:
        """From the one row of the statement, in binary."""
        head, events = result.get_value(0, 0) or b"", result.get_value(0, 1) or b""
        return Appended(
            int.from_bytes(head, "big"),
            int.from_bytes(events, "big"),
            rows.read_int4s(result.get_value(0, 2)),
            dict(zip(rows.read_uuids(result.get_value(0, 3)), rows.read_uuids(result.get_value(0, 4)), strict=True)),
        )


def new_contacts(pieces: Sequence[Piece]) -> list[tuple[ContactKey, bytes]]:
    """The contacts of a group that the log may not have, each with the uuid made for it; where two were made, both."""
    found: dict[tuple[ContactKey, bytes], None] = {}
    for share, start, stop in pieces:
        if share.contacts is not None:
            found.update((named, None) for index, named in share.contacts.items() if start <= index < stop)
    return list(found)


def parameters(
    pieces: Sequence[Piece], fact_oid: int, appender: UUID, batch: int, clock: datetime | None
) -> list[bytes | None]:
    """The parameters of ``STATEMENT``."""
    facts: list[bytes] = []
    keys: list[bytes] = []
    orders: list[int] = []
    order_keys: list[bytes] = []
    erasures: dict[int, int] = {}
    voids = new = False
    for share, start, stop in pieces:
        if start == 0 and stop == len(share.rows):
            facts += share.rows
            keys += share.keys
        else:
            facts += share.rows[start:stop]
            keys += share.keys[start:stop]
        if share.orders is not None:
            before = len(keys) - stop + 1
            for index, key in share.orders.items():
                if start <= index < stop:
                    orders.append(before + index)
                    order_keys.append(key)
        if share.erasures is not None and erasures.setdefault(share.workspace, share.erasures) > share.erasures:
            erasures[share.workspace] = share.erasures
        if share.voids:
            voids = True
        if share.contacts is not None:
            new = True
    contacts = new_contacts(pieces) if new else []
    return [
        rows.array(fact_oid, facts),
        rows.uuids(keys),
        rows.int4s(orders) if orders else None,
        rows.uuids(order_keys) if orders else None,
        rows.int4s(key[0] for key, _ in contacts) if contacts else None,
        rows.texts(key[2] for key, _ in contacts) if contacts else None,
        rows.uuids([b"\x00\x00\x00\x10" + made for _, made in contacts]) if contacts else None,
        rows.int4s(erasures),
        rows.int8s(erasures.values()),
        b"\x01" if voids else b"\x00",
        appender.bytes,
        rows.int8(batch),
        None if clock is None else rows.timestamptz(clock),
    ]
