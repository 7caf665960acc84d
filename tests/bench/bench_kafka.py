"""Facts from the store through the relay, a real Kafka and the projector into every table of metrics.

    python -m tests.bench.bench_kafka

Each round appends the same facts three times. First both processes work at once: from the commit to the last
checkpoint. Then each works alone, the other one stopped: the relay from the commit to its own position, the
projector on what the relay has left for it. The slower of the two is what the pipeline is held against; the floor
is 0.4 of it, the goal 0.7, on two cores that Postgres and the broker share with them. Freshness is the time from
a commit to the checkpoint that covers it, over Kafka and from the store, at 5,000 facts a second: half of what one api
takes of lone facts here (``bench_tracking``). Before it the tables are vacuumed, so that the millions of rows of the
rounds before are not what is measured. ``BENCH_FACTS`` (60,000) for each round.
"""

from __future__ import annotations

import bisect
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from infra.kafka.broker import Broker
from infra.kafka.jars import fetch
from tests.bench import filled_log
from tests.bench.harness import ROOT, ROUNDS, Result, Sample, database, durability

FACTS = int(os.environ.get("BENCH_FACTS", "60000"))
CAMPAIGNS, CONTACTS, DAYS = 200, 50_000, 30.0
FRESH_COMMITS, FRESH_FACTS, FRESH_EVERY = 300, 50, 0.01
SLOWEST = 250
"""Milliseconds after which an acknowledged fact must be in the figures, at the 99th percentile."""

_HIGH = "select min(high) from campaign_metrics_v1.checkpoints"
_POSITION = "select coalesce(max(position), 0) from ballyhoo.relay where log = 'engagement'"
_TOLD = "select min(last) from ballyhoo.relay, unnest(lasts) last where log = 'engagement'"
_HEAD = "select position from ballyhoo.log_heads where log = 'engagement'"
_SHARING = "select count(distinct owner) from ballyhoo.leases where name like 'projector:%'"
_COMMIT = """
with head as (
  update ballyhoo.log_heads set position = position + %(count)s, recorded_at = clock_timestamp()
    where log = 'engagement' returning position - %(count)s as base),
new as (select base + n as position, gen_random_uuid() as contact from head, generate_series(1, %(count)s) n)
insert into ballyhoo.facts (position, recorded_at, occurred_at, contact, workspace, campaign, quantity, kind, type,
    part, voided, id)
  select position, clock_timestamp(), clock_timestamp(), contact, 1, 1 + position %% %(campaigns)s, 1, 9, 0,
      get_byte(uuid_send(contact), 15) %% 16, false, contact::text
    from new
returning (select base + %(count)s from head)
"""
_EXACT = """
select (select sum(n) from campaign_metrics_v1.totals) = (select sum(quantity) from ballyhoo.facts),
       (select count(*) from ballyhoo.facts)
"""


class Log:
    """The log under measure: facts go in, positions are watched."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = psycopg.connect(url, autocommit=True)

    def append(self, count: int) -> int:
        """So many facts in one commit; the head after it."""
        now = datetime.now(UTC)
        filled_log.append(self.url, count, now, campaigns=CAMPAIGNS, contacts=CONTACTS, days=DAYS)
        return int(self.one(_HEAD))

    def settle(self) -> None:
        """Do now what the server would do beside the next measurement."""
        self.connection.execute("vacuum analyze")
        self.connection.execute("checkpoint")

    def one(self, statement: str) -> Any:
        """The only value of a statement."""
        found = self.connection.execute(statement.encode()).fetchone()
        assert found is not None
        return found[0]

    def reaches(self, statement: str, position: int, *, seconds: float = 120.0) -> float:
        """Seconds until ``statement`` answers at least ``position``."""
        began = time.perf_counter()
        while (self.one(statement) or 0) < position:
            if time.perf_counter() - began > seconds:
                raise TimeoutError(f"{statement}: {self.one(statement)} of {position}")
            time.sleep(0.002)
        return time.perf_counter() - began


@contextmanager
def process(kind: str, url: str, kafka: str | None, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One of the product's processes, as ``ballyhoo KIND`` runs it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BALLYHOO_")}
    if kafka is not None:
        environment["BALLYHOO_KAFKA"] = kafka
    run = f"from infra import processes, settings; processes.run_{kind}(settings.load(), {url!r})"
    command = [sys.executable, "-c", run]
    with (folder / f"{kind}.log").open("ab") as log:
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGCONT)
        child.terminate()
        child.wait(30)


def results() -> Iterator[Result]:
    """The pipeline against its slower half; what two projectors do; freshness with and without Kafka."""
    fetch()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ballyhoo-bench-")))
        url = stack.enter_context(database())
        broker = stack.enter_context(Broker(folder / "kafka"))
        print(f"{durability(url)}, Apache Kafka {broker.version}")
        filled_log.prepare(url, CAMPAIGNS)
        log = Log(url)
        relay = stack.enter_context(process("relay", url, broker.bootstrap, folder))
        with process("projector", url, broker.bootstrap, folder) as projector:
            log.reaches(_HIGH, log.append(20_000))
            yield _pipeline(log, relay, projector)
            yield _two(log, relay, projector, url, broker, folder)
            log.settle()
            over_kafka = [_freshness(log) for _ in range(ROUNDS)]
        with process("projector", url, None, folder):
            log.reaches(_HIGH, log.append(1))
            from_store = [_freshness(log) for _ in range(ROUNDS)]
        yield Result(
            "freshness over Kafka", "from the store", over_kafka, from_store, "commits/s", _exact(log),
            notes=[_visible_after(over_kafka, "over Kafka"), _visible_after(from_store, "from the store")],
        )  # fmt: skip
        log.connection.close()


def _visible_after(samples: list[Sample], source: str) -> str:
    p50, p99 = (statistics.median(getattr(sample, name) for sample in samples) for name in ("p50", "p99"))
    met = "met" if p99 <= SLOWEST else "NOT MET"
    return f"visible {source} after p50 {p50:.1f} ms, p99 {p99:.1f} ms (floor {SLOWEST} {met}, goal 50)"


def _pipeline(log: Log, relay: subprocess.Popen[bytes], projector: subprocess.Popen[bytes]) -> Result:
    both, halves, notes = [], [], []
    for _ in range(ROUNDS):
        both.append(Sample(FACTS / log.reaches(_HIGH, log.append(FACTS))))
        sending, folding = _alone(log, relay, [projector])
        halves.append(Sample(min(sending, folding)))
        notes.append(f"{sending:,.0f}/{folding:,.0f}")
    return Result(
        "store → relay → Kafka → projector", "slower of both alone", both, halves, "facts/s", _exact(log), 0.4, 0.7,
        notes=["relay/projector alone " + " ".join(notes)],
    )  # fmt: skip


def _alone(log: Log, relay: subprocess.Popen[bytes], projectors: list[subprocess.Popen[bytes]]) -> tuple[float, float]:
    """Facts a second of the relay while the projectors stand still, and of these while the relay does."""
    for projector in projectors:
        projector.send_signal(signal.SIGSTOP)
    head = log.append(FACTS)
    sending = FACTS / log.reaches(_POSITION, head)
    log.reaches(_TOLD, head)
    relay.send_signal(signal.SIGSTOP)
    for projector in projectors:
        projector.send_signal(signal.SIGCONT)
    folding = FACTS / log.reaches(_HIGH, head)
    relay.send_signal(signal.SIGCONT)
    return sending, folding


def _two(
    log: Log,
    relay: subprocess.Popen[bytes],
    projector: subprocess.Popen[bytes],
    url: str,
    broker: Broker,
    folder: Path,
) -> Result:
    one, two = [], []
    for _ in range(ROUNDS):
        one.append(Sample(_alone(log, relay, [projector])[1]))
        with process("projector", url, broker.bootstrap, folder) as second:
            log.reaches(_SHARING, 2)
            log.reaches(_HIGH, log.append(1_000))
            two.append(Sample(_alone(log, relay, [projector, second])[1]))
        log.reaches(_HIGH, log.append(1))
    cores = len(os.sched_getaffinity(0))
    return Result(
        "two projectors", "one", two, one, "facts/s", _exact(log), notes=[f"{cores} cores for them, Postgres and Kafka"]
    )


def _freshness(log: Log) -> Sample:
    """Milliseconds from a commit of 50 facts to the checkpoint over it, while a hundred of them come in a second."""
    commits: list[tuple[float, int]] = []
    stop = threading.Event()

    def feed() -> None:
        with psycopg.connect(log.url, autocommit=True) as connection:
            began = time.perf_counter()
            for turn in range(FRESH_COMMITS):
                stop.wait(max(0.0, began + turn * FRESH_EVERY - time.perf_counter()))
                row = connection.execute(_COMMIT, {"count": FRESH_FACTS, "campaigns": CAMPAIGNS}).fetchone()
                assert row is not None
                commits.append((time.perf_counter(), row[0]))

    thread = threading.Thread(target=feed)
    began = time.perf_counter()
    thread.start()
    seen: list[tuple[float, int]] = []
    while thread.is_alive() or seen[-1][1] < commits[-1][1]:
        seen.append((time.perf_counter(), int(log.one(_HIGH))))
        time.sleep(0.001)
    rate = len(commits) / (commits[-1][0] - began)
    highs = [high for _, high in seen]
    waited = sorted(seen[bisect.bisect_left(highs, position)][0] - at for at, position in commits)
    return Sample(rate, 1_000 * statistics.median(waited), 1_000 * waited[int(len(waited) * 0.99)])


def _exact(log: Log) -> str:
    log.reaches(_HIGH, int(log.one(_HEAD)))
    found = log.connection.execute(_EXACT.encode()).fetchone()
    assert found is not None
    return f"{found[0]}, {found[1]:,} facts"


if __name__ == "__main__":
    for result in results():
        print(result)
