"""How long one workspace's facts take while another floods, against how long they take alone.

    python -m tests.bench.bench_fairness

The ratio is that of the 99th percentiles, usual over flooded: at least 0.5 is wanted, twice the usual time. Those who
flood sit on another machine in life: here their process gives way to the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

from tests.bench import facts
from tests.bench.app import DATABASE, OTHER_TOKEN, TOKEN
from tests.bench.harness import SECONDS, Result, Sample, database, durability, interleaved, load, post, serving

QUIET = 2
"""Connections of the workspace that is looked at."""

FLOODS = {"single facts, 64 connections": (1, 64), "batches of 1,000, 8 connections": (1_000, 8)}


def results() -> Iterator[Result]:
    """A row for each kind of flood."""
    with database() as url:
        print(durability(url))
        campaigns, others = facts.make_campaigns(url), facts.make_campaigns(url, workspace=2)
        with serving("tests.bench.app", {DATABASE: url}) as port:
            for name, (size, connections) in FLOODS.items():
                yield _measured(port, campaigns, others, name, size, connections)


def _measured(port: int, campaigns: list[str], others: list[str], name: str, size: int, connections: int) -> Result:
    accepted = sent = 0

    def alone() -> Sample:
        nonlocal accepted, sent
        made = facts.facts(campaigns, int(4_000 * SECONDS))
        requests = [post("/v1/track", facts.encoded(fact), TOKEN) for fact in made]
        seen = load(port, requests, connections=QUIET)
        accepted += int(seen["accepted"])
        sent += int(seen["requests"])
        return Sample(1_000 / seen["p99"], seen["p50"], seen["p99"])

    def flooded() -> Sample:
        made = list(facts.facts(others, int(SECONDS * (50_000 if size > 1 else 20_000))))
        if size == 1:
            requests = [post("/v1/track", facts.encoded(fact), OTHER_TOKEN) for fact in made]
        else:
            parts = [made[start : start + size] for start in range(0, len(made), size)]
            requests = [post("/v1/track/batch", facts.encoded({"facts": part}), OTHER_TOKEN) for part in parts]
        about = {"connections": connections, "seconds": SECONDS + 1, "nice": 10}
        flood = Thread(target=load, args=(port, requests), kwargs=about)
        flood.start()
        sample = alone()
        flood.join()
        return sample

    samples, usual = interleaved(flooded, alone)
    return Result(
        f"beside a flood of {name}", "alone", samples, usual, "per second at the 99th percentile",
        f"{accepted == sent}, {sent} sent, {accepted} accepted", 0.5, 1.0,
    )  # fmt: skip


if __name__ == "__main__":
    for result in results():
        print(result)
