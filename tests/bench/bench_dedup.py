"""What it costs to know ten million ids: groups of a hundred facts against the same on an empty table of keys.

    python -m tests.bench.bench_dedup

Once with ids in the order of time (UUIDv7), whose keys fall side by side, and once with random ones, whose keys touch
a page of the index each. The first minute after a checkpoint is measured, the worst there is. ``BENCH_KNOWN`` says
how many ids are known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from adapters.engagement_log.log import PostgresFactLog
from api.tracking.wire import fact_of, many
from domain.engagement.fact import Fact
from domain.engagement.rules import AHEAD
from tests.bench import facts
from tests.bench.facts import KNOWN
from tests.bench.harness import SECONDS, Result, Sample, database, durability, interleaved

GROUP = 100
FLOORS = {True: ("ordered", 0.85, 0.95), False: ("random", 0.4, 0.7)}


def results() -> Iterator[Result]:
    """A row for each kind of ids."""
    for ordered, (name, floor, goal) in FLOORS.items():
        with database() as url, database() as empty:
            print(durability(url))
            sides = [Side(url, ordered), Side(empty, ordered)]
            facts.know(url, KNOWN, ordered=ordered)
            samples, others = interleaved(*(side.sample for side in sides))
            exact = all(facts.stored(side.url) == side.sent for side in sides)
            for side in sides:
                side.close()
        yield Result(
            f"{KNOWN:,} known ids, {name}", "an empty table", samples, others, "facts/s",
            f"{exact}, {sides[0].sent} and {sides[1].sent} stored", floor, goal,
        )  # fmt: skip


class Side:
    """One database with a log of facts, on a loop of its own."""

    def __init__(self, url: str, ordered: bool) -> None:
        self.url = url
        self.sent = 0
        self._ordered = ordered
        self._campaigns = facts.make_campaigns(url)
        self._runner = asyncio.Runner()
        self._log = PostgresFactLog(url)
        self._runner.run(self._open())

    def sample(self) -> Sample:
        """Groups one after the other, as long as the time lasts."""
        return self._runner.run(self._sample())

    def close(self) -> None:
        """Disconnect."""
        self._runner.run(self._log.close())
        self._runner.close()

    async def _open(self) -> None:
        await self._log.open()
        await self._log.campaigns(1, self._campaigns)

    async def _sample(self) -> Sample:
        groups = [self._group() for _ in range(int(300 * SECONDS))]
        times: list[float] = []
        started = time.perf_counter()
        for group in groups:
            begun = time.perf_counter()
            recorded = await self._log.record(1, group)
            assert not recorded.duplicates
            times.append(time.perf_counter() - begun)
            if time.perf_counter() - started >= SECONDS:
                break
        elapsed = time.perf_counter() - started
        self.sent += len(times) * GROUP
        times.sort()
        return Sample(len(times) * GROUP / elapsed, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000)

    def _group(self) -> list[Fact]:
        made = facts.facts(self._campaigns, GROUP, ordered=self._ordered)
        latest = datetime.now(UTC) + AHEAD
        found: list[Fact] = []
        for sent in many(facts.encoded({"facts": list(made)})) or ():
            campaign = self._log.known_campaign(1, sent.campaign_id)
            fact = None if campaign is None else fact_of(sent, campaign, latest, False)
            assert fact is not None
            found.append(fact)
        return found


if __name__ == "__main__":
    for result in results():
        print(result)
