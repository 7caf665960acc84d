"""One tracked fact over HTTP, durable and deduplicated, against a raw ASGI no-op on the same server.

    python -m tests.bench.bench_tracking

The floor is 0.25 of the no-op with UUIDv7 ids, at 64 and at 256 connections; listmonk's redirect reaches 0.12.
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
    """A row for each number of connections."""
    with database() as url:
        print(f"{durability(url)}")
        campaigns = facts.make_campaigns(url)
        with serving("tests.bench.app", {DATABASE: url}) as port:
            for connections in CONNECTIONS:
                yield _measured(port, url, campaigns, connections)


def _measured(port: int, url: str, campaigns: list[str], connections: int) -> Result:
    accepted = 0

    def tracked() -> Sample:
        nonlocal accepted
        made = facts.facts(campaigns, int(MOST_A_SECOND * SECONDS))
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
    return Result(
        f"one fact, {connections} connections", "raw no-op", samples, others, "requests/s",
        f"{stored == accepted}, {accepted} accepted, {stored} stored", 0.25, 0.45,
        verdict=min(other.rate for other in others) >= LEAST_NO_OP,
    )  # fmt: skip


if __name__ == "__main__":
    for result in results():
        print(result)
