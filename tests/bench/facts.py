"""The facts that the benchmarks send: what a tracked click or sale of a shop looks like."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg

CAMPAIGNS = 200
CONTACTS = 50_000
KNOWN = int(os.environ.get("BENCH_KNOWN", "10000000"))
_WORKSPACE = "insert into ballyhoo.workspaces(id, name) values (%s, %s) on conflict do nothing"
_CAMPAIGN = """insert into ballyhoo.streams(workspace, id, kind, version, currency)
    values (%s, %s, 'campaign', 1, 'USD')"""
# UUIDv7 of the last months, in their order; or any uuids, in the order in which an index is built fastest.
_ORDERED = """insert into ballyhoo.fact_keys
  select (lpad(to_hex(1760000000000 + n * 10), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
      || substr(md5(n::text), 4, 15))::uuid, n from generate_series(1, %s) n"""
_RANDOM = """insert into ballyhoo.fact_keys
  select md5(n::text)::uuid, n from generate_series(1, %s) n order by 1"""

_ENCODER = msgspec.json.Encoder()
_counter = itertools.count()
_random = random.Random(1)


def make_campaigns(url: str, count: int = CAMPAIGNS, *, workspace: int = 1) -> list[str]:
    """A workspace, and streams of campaigns as an append would leave them; their ids. Workspaces are made in the
    order of their numbers."""
    ids = [str(uuid4()) for _ in range(count)]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_WORKSPACE, (uuid4(), f"bench-{workspace}"))
        with connection.cursor() as cursor:
            cursor.executemany(_CAMPAIGN, [(workspace, id) for id in ids])
    return ids


def uuid7() -> str:
    """A time-ordered id, fast and never twice in one process."""
    count = next(_counter)
    number = (time.time_ns() // 1_000_000) << 80 | 7 << 76 | (count & 0xFFF) << 64 | 2 << 62 | (count >> 12) << 32
    return str(UUID(int=number | int.from_bytes(os.urandom(4), "big")))


def facts(campaigns: list[str], count: int, *, ordered: bool = True) -> Iterator[dict[str, Any]]:
    """Clicks, one in ten a conversion with an order; contacts and labels repeat as they do in life."""
    for index in range(count):
        fact: dict[str, Any] = {
            "id": uuid7() if ordered else str(uuid4()),
            "kind": "click",
            "campaign_id": campaigns[index % len(campaigns)],
            "occurred_at": "2026-11-20T08:15:30.123456Z",
            "contact_id": f"customer-{_random.randrange(CONTACTS)}",
            "variant": ("control", "mens", "womens")[index % 3],
            "platform": ("email", "instagram")[index % 2],
            "device": ("phone", "tablet", "desktop")[index // 2 % 3],
            "country": "FR",
            "link": "https://shop.example/boots?utm_source=mail&session=1",
        }
        if index % 10 == 9:
            fact |= {
                "kind": "conversion",
                "value": {"amount": 1999, "currency": "USD"},
                "order_id": f"order-{uuid4().hex}",
            }
        yield fact


def encoded(value: object) -> bytes:
    """JSON."""
    return _ENCODER.encode(value)


def stored(url: str) -> int:
    """The number of facts in the log."""
    with psycopg.connect(url) as connection:
        row = connection.execute("select count(*) from ballyhoo.facts").fetchone()
        assert row is not None
        return int(row[0])


def know(url: str, count: int, *, ordered: bool) -> None:
    """Make the log know ``count`` ids, as if their facts had been archived; then a checkpoint: the minute after it
    is the worst there is."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((_ORDERED if ordered else _RANDOM).encode(), (count,))
        connection.execute("update ballyhoo.log_heads set position = position + %s where log = 'engagement'", (count,))
        connection.execute("vacuum analyze ballyhoo.fact_keys")
        connection.execute("checkpoint")
