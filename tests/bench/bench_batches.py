"""Facts in batches of a thousand over HTTP, against COPY of the same batches into the same tables.

    python -m tests.bench.bench_batches

COPY gets its rows ready made, positions and keys included, and commits once for each batch; over HTTP each batch
is decoded, checked, deduplicated and numbered. Ids are UUIDv7. Both sides have a database of their own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg

from tests.bench import facts
from tests.bench.app import DATABASE, TOKEN
from tests.bench.harness import SECONDS, Result, Sample, database, durability, interleaved, load, post, serving

BATCH = 1_000
CONNECTIONS = 4
MOST_A_SECOND = 60_000

_FACTS = """copy ballyhoo.facts (position, recorded_at, occurred_at, amount, contact, workspace, campaign, labels,
    quantity, kind, type, part, voided, id, order_id) from stdin"""
_KEYS = "copy ballyhoo.fact_keys (key, position) from stdin"
_NULL = "\\N"
_CONTACTS = [uuid4() for _ in range(facts.CONTACTS)]


def results() -> Iterator[Result]:
    """One row."""
    with database() as url, database() as other:
        print(durability(url))
        campaigns = facts.make_campaigns(url)
        copying = Copying(other)
        with serving("tests.bench.app", {DATABASE: url}) as port:
            accepted = 0

            def tracked() -> Sample:
                nonlocal accepted
                made = list(facts.facts(campaigns, int(MOST_A_SECOND * SECONDS)))
                requests = [post("/v1/track/batch", facts.encoded({"facts": part}), TOKEN) for part in parts(made)]
                seen = load(port, requests, connections=CONNECTIONS)
                accepted += int(seen["accepted"])
                return Sample(seen["accepted"] / seen["seconds"], seen["p50"], seen["p99"])

            samples, others = interleaved(tracked, copying.sample)
        stored, copied = facts.stored(url), facts.stored(other)
    yield Result(
        f"batches of {BATCH}, {CONNECTIONS} connections", "COPY", samples, others, "facts/s",
        f"{stored == accepted and copied == copying.count}, {accepted} accepted, {stored} stored", 0.5, 0.9,
    )  # fmt: skip


def parts(made: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    """Batches."""
    for start in range(0, len(made), BATCH):
        yield made[start : start + BATCH]


class Copying:
    """The other side: a connection that copies ready-made rows."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.count = 0
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("select ballyhoo.make_partition(clock_timestamp())")

    def sample(self) -> Sample:
        """Copy as many batches as fit into the time."""
        campaigns = [str(uuid4())] * facts.CAMPAIGNS
        made = list(facts.facts(campaigns, int(MOST_A_SECOND * 2 * SECONDS)))
        ready = [self._ready(part) for part in parts(made)]
        before, times = self.count, []
        with psycopg.connect(self._url) as connection:
            started = time.perf_counter()
            for rows, keys in ready:
                begun = time.perf_counter()
                with connection.cursor().copy(_FACTS.encode()) as copy:
                    copy.write(rows)
                with connection.cursor().copy(_KEYS.encode()) as copy:
                    copy.write(keys)
                connection.commit()
                self.count += BATCH
                times.append(time.perf_counter() - begun)
                if time.perf_counter() - started >= SECONDS:
                    break
            elapsed = time.perf_counter() - started
        times.sort()
        return Sample(
            (self.count - before) / elapsed, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000
        )

    def _ready(self, part: Sequence[dict[str, Any]]) -> tuple[bytes, bytes]:
        rows: list[str] = []
        keys: list[str] = []
        now = datetime.now(UTC).isoformat()
        for index, fact in enumerate(part):
            position = next(_positions)
            contact = _CONTACTS[position % len(_CONTACTS)]
            sale = fact["kind"] == "conversion"
            fields = (
                position, now, fact["occurred_at"], 1999 if sale else _NULL, contact, 1, index % facts.CAMPAIGNS + 1,
                index % 1200 + 1, 1, 10 if sale else 9, 0, contact.bytes[15] % 16, "f", fact["id"],
                fact.get("order_id", _NULL),
            )  # fmt: skip
            rows.append("\t".join(map(str, fields)) + "\n")
            keys.append(f"{fact['id']}\t{position}\n")
            if sale:
                keys.append(f"{UUID(fact['order_id'].removeprefix('order-'))}\t{position}\n")
        return "".join(rows).encode(), "".join(keys).encode()


_positions = iter(range(1, 1 << 62))


if __name__ == "__main__":
    for result in results():
        print(result)
