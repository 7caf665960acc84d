"""A broker that is killed -9 for a minute while 100,000 facts come in: acknowledgements take at most twice as long at
the 99th percentile as in the minute before, nothing lags within a minute of its return, the source never changes, and
every sum is exact.

    python -m tests.bench.bench_outage

The product's own processes over TCP: api, relay, projector, worker. Facts come at their times, whether or not earlier
ones were answered, until the broker is back. ``BENCH_OUTAGE`` (60) seconds, before and during; ``BENCH_FACTS``
(100,000) in each of the two. Ends with 1 where anything of this is not so.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg

from infra.kafka.broker import Broker
from infra.kafka.jars import fetch
from tests.bench import facts
from tests.bench.harness import database, durability, post
from tests.bench.steady import Seen, steady
from tests.support.campaigns import drafted
from tests.support.client import Client
from tests.support.server import product, ready
from tests.waiting import wait_until

SECONDS = float(os.environ.get("BENCH_OUTAGE", "60"))
FACTS = int(os.environ.get("BENCH_FACTS", "100000"))
CAMPAIGNS, REQUESTS = 20, 50.0
"""Campaigns, and requests a second."""
WARM, SLACK = 10.0, 30.0
LAG_ENDS_WITHIN = 60.0
MOST = 2.0


@dataclass
class Told:
    """What ``GET /v1/projections`` and ``/health/ready`` said while it was looked at."""

    sources: set[str] = field(default_factory=set)
    problems: set[str] = field(default_factory=set)
    most_lag: int = 0


def main() -> int:
    """How many of the four things are not so."""
    fetch()
    with ExitStack() as stack:
        url = _as_url(stack.enter_context(database()))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ballyhoo-bench-")))
        broker = stack.enter_context(Broker(folder / "kafka"))
        print(f"{durability(url)}, Apache Kafka {broker.version}", flush=True)
        house = stack.enter_context(product(url, folder))
        kafka = {"BALLYHOO_KAFKA": broker.bootstrap}
        for start in (house.relay, house.projector, house.worker):
            start(**kafka)
        api = house.api(**kafka)
        wait_until(lambda: ready(api), 60)
        client = house.client(api)
        campaigns = [drafted(client) for _ in range(CAMPAIGNS)]
        size = max(round(FACTS / SECONDS / REQUESTS), 1)
        made = _batches(campaigns, size)
        requests = [post("/v1/track/batch", facts.encoded({"facts": batch}), str(client.key)) for batch in made]
        with watched(client) as told:
            with steady(int(api.url.rsplit(":", 1)[1]), {"facts": (requests, REQUESTS)}) as seen:
                time.sleep(WARM)
                began = time.time()
                time.sleep(SECONDS)
                killed = time.time()
                broker.kill()
                time.sleep(SECONDS)
                broker.start()
                back = time.time()
            client = client.at(api.url)  # the connection of before has been idle for too long
            lagged = _seconds_until_nothing_lags(client, back)
        return _said(client, seen["facts"], made, (began, killed, back), lagged, told)


def _as_url(conninfo: str) -> str:
    """The form in which a process is told its database."""
    found = psycopg.conninfo.conninfo_to_dict(conninfo)
    return f"postgresql:///{found.pop('dbname')}?{urlencode(found)}"


def _batches(campaigns: list[str], size: int) -> list[list[dict[str, Any]]]:
    many = int((WARM + 2 * SECONDS + SLACK) * REQUESTS)
    made = list(facts.facts(campaigns, many * size))
    return [made[start : start + size] for start in range(0, len(made), size)]


@contextmanager
def watched(client: Client) -> Iterator[Told]:
    """Ask twice a second, while the block runs, where projections read and what is wrong."""
    told, over = Told(), threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            items = client.get("/v1/projections").ok().body["items"]
            told.sources.update(item["source"] for item in items)
            told.most_lag = max(told.most_lag, *(item["lag"] for item in items))
            told.problems.update(client.get("/health/ready").body["problems"])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield told
    finally:
        over.set()
        thread.join()


def _seconds_until_nothing_lags(client: Client, since: float) -> float:
    while any(item["lag"] for item in client.get("/v1/projections").ok().body["items"]):
        if time.time() - since > 5 * LAG_ENDS_WITHIN:
            return float("inf")
        time.sleep(0.05)
    return time.time() - since


def _said(
    client: Client,
    seen: Seen,
    made: Sequence[Sequence[dict[str, Any]]],
    times: tuple[float, float, float],
    lagged: float,
    told: Told,
) -> int:
    began, killed, back = times
    before = sorted(took for due, took, _, _ in seen if began <= due < killed)
    during = sorted(took for due, took, _, _ in seen if killed <= due < back)
    came = sum(accepted for due, _, _, accepted in seen if killed <= due < back)
    refused = Counter(status for _, _, status, _ in seen if status != 200)
    wrong = _wrong_sums(client, made[: len(seen)])
    slower = _p99(during) / _p99(before)
    print(
        f"broker killed for {back - killed:.0f} s while {came:,} facts came in: acknowledged p50 {_ms(_p50(during))},"
        f" p99 {_ms(_p99(during))}; before p50 {_ms(_p50(before))}, p99 {_ms(_p99(before))}; {slower:.2f} times"
        f" (at most {MOST:g}): {'met' if slower <= MOST else 'NOT MET'} · refused: {dict(refused) or 'none'}\n"
        f"lag up to {told.most_lag:,}, 0 after {lagged:.1f} s of its return (at most {LAG_ENDS_WITHIN:.0f}):"
        f" {'met' if lagged <= LAG_ENDS_WITHIN else 'NOT MET'} · sources seen: {', '.join(sorted(told.sources))}"
        f" · problems named by /health/ready: {', '.join(sorted(told.problems)) or 'none'}\n"
        f"exact: {not wrong}, {sum(map(len, made[: len(seen)])):,} facts in {CAMPAIGNS} campaigns"
        f" {'; '.join(wrong[:3])}",
        flush=True,
    )
    return sum([slower > MOST, bool(refused), lagged > LAG_ENDS_WITHIN, told.sources != {"kafka"}, bool(wrong)])


def _wrong_sums(client: Client, sent: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    """Where the answers are not what was sent: clicks, conversions and revenue of each campaign."""
    expected: dict[str, Counter[str]] = {}
    for fact in (fact for batch in sent for fact in batch):
        sums = expected.setdefault(fact["campaign_id"], Counter())
        sums[f"{fact['kind']}s"] += 1
        sums["revenue"] += fact.get("value", {}).get("amount", 0)
    wrong = []
    for campaign, sums in expected.items():
        total = client.get(f"/v1/campaigns/{campaign}/metrics").ok().body["total"]
        found = {"clicks": total["clicks"], "conversions": total["conversions"], "revenue": total["revenue"]}
        if found != {name: sums[name] for name in found}:
            wrong.append(f"{campaign}: {found}, sent {dict(sums)}")
    return wrong


def _p50(took: Sequence[float]) -> float:
    return took[len(took) // 2]


def _p99(took: Sequence[float]) -> float:
    return took[len(took) * 99 // 100]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
