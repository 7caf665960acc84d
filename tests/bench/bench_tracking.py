"""One tracked fact over HTTP, durable and deduplicated, against a raw ASGI no-op on the same server.

    python -m tests.bench.bench_tracking

The floor is 0.25 of the no-op with UUIDv7 ids, at 64 and at 256 connections, and 0.18 with random ids where ten
million are known (``BENCH_KNOWN``); listmonk's redirect reaches 0.12.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import facts
from tests.bench.app import DATABASE, TOKEN
from tests.bench.harness import (
    LEAST_NO_OP,
    SECONDS,
    Result,
    Sample,
    database,
    durability,
    interleaved,
    load,
    post,
    serving,
)

CONNECTIONS = (64, 256)
MOST_A_SECOND = 25_000


def results() -> Iterator[Result]:
    """A row for each number of connections, and one for random ids among many."""
    with database() as url:
        print(f"{durability(url)}")
        campaigns = facts.make_campaigns(url)
        with serving("tests.bench.app", {DATABASE: url}) as port:
            for connections in CONNECTIONS:
                yield _measured(port, url, campaigns, connections)
            facts.know(url, facts.KNOWN, ordered=False)
            yield _measured(port, url, campaigns, CONNECTIONS[0], ordered=False)


def _measured(port: int, url: str, campaigns: list[str], connections: int, *, ordered: bool = True) -> Result:
    accepted = 0

    def tracked() -> Sample:
        nonlocal accepted
        made = facts.facts(campaigns, int(MOST_A_SECOND * SECONDS), ordered=ordered)
        requests = [post("/v1/track", facts.encoded(fact), TOKEN) for fact in made]
        seen = load(port, requests, connections=connections)
        accepted += int(seen["accepted"])
        return Sample(seen["requests"] / seen["seconds"], seen["p50"], seen["p99"])

    def no_op() -> Sample:
        request = post("/no-op", facts.encoded(next(facts.facts(campaigns, 1))), TOKEN)
        seen = load(port, [request], connections=connections, repeat=True)
        return Sample(seen["requests"] / seen["seconds"], seen["p50"], seen["p99"])

    before = facts.stored(url)
    samples, others = interleaved(tracked, no_op)
    stored = facts.stored(url) - before
    ids = "UUIDv7" if ordered else f"random ids, {facts.KNOWN:,} known"
    floor, goal = (0.25, 0.45) if ordered else (0.18, 0.3)
    return Result(
        f"one fact, {connections} connections, {ids}", "raw no-op", samples, others, "requests/s",
        f"{stored == accepted}, {accepted} accepted, {stored} stored", floor, goal,
        verdict=min(other.rate for other in others) >= LEAST_NO_OP,
    )  # fmt: skip


if __name__ == "__main__":
    for result in results():
        print(result)
