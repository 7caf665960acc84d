"""What every benchmark needs: a durable database, a server process, load, interleaved rounds, one line of result.

Only ratios mean something: both sides run in turn, at least five times, on the same machine in the same minutes.
Sizes come from the environment: ``BENCH_ROUNDS`` (5), ``BENCH_SECONDS`` (3, for each side of a round).
"""

from __future__ import annotations

import json
import os
import pickle
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen
from uuid import uuid4

import psycopg
from psycopg import sql

from adapters.event_store.migrate import migrate
from adapters.postgres.embedded import EmbeddedPostgres

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
PROFILE = bool(os.environ.get("BENCH_PROFILE"))
"""Whether servers run under the profiler: see ``tests.bench.profiled``."""
ROOT = Path(__file__).parents[2]
LEAST_NO_OP = 15_000
"""Requests a second that the raw no-op must reach for a verdict: below, the machine measures itself."""


@dataclass(frozen=True)
class Sample:
    """One side of one round: ``rate`` per second of what the benchmark counts, times in milliseconds."""

    rate: float
    p50: float = 0.0
    p99: float = 0.0


@dataclass
class Result:
    """One row of the table."""

    path: str
    against: str
    samples: Sequence[Sample]
    others: Sequence[Sample]
    unit: str
    exact: str
    floor: float | None = None
    goal: float | None = None
    notes: list[str] = field(default_factory=list)
    verdict: bool = True

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios: neighbours in time are compared."""
        return statistics.median(self._ratios())

    def _ratios(self) -> list[float]:
        return [one.rate / other.rate for one, other in zip(self.samples, self.others, strict=True)]

    def __str__(self) -> str:
        rate, other = _median(self.samples, "rate"), _median(self.others, "rate")
        words = [
            f"{self.path} / {self.against}: {rate:,.0f} / {other:,.0f} {self.unit} = {self.ratio:.3f}",
            f"rounds {' '.join(f'{ratio:.2f}' for ratio in self._ratios())}",
        ]
        if self.samples[0].p99:
            words.append(f"p50 {_median(self.samples, 'p50'):.1f} ms, p99 {_median(self.samples, 'p99'):.1f} ms")
        if self.floor is not None:
            met = "no verdict" if not self.verdict else "met" if self.ratio >= self.floor else "NOT MET"
            words.append(f"floor {self.floor:g} {met}, goal {self.goal:g}")
        return " · ".join([*words, f"exact: {self.exact}", *self.notes])


def interleaved(*sides: Callable[[], Sample], rounds: int = ROUNDS) -> list[list[Sample]]:
    """Run the sides in turn, ``rounds`` times; the samples of each side."""
    samples: list[list[Sample]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, seen in zip(sides, samples, strict=True):
            seen.append(side())
    return samples


@contextmanager
def database() -> Iterator[str]:
    """The URL of a fresh migrated database that flushes to disk: on the server that ``BALLYHOO_DATABASE_URL``
    names, or on an embedded one with the product's own settings."""
    named = os.environ.get("BALLYHOO_DATABASE_URL")
    if named:
        yield from _fresh(named)
        return
    with tempfile.TemporaryDirectory(prefix="ballyhoo-bench-") as folder, EmbeddedPostgres(Path(folder)) as postgres:
        yield from _fresh(postgres.url)


def _fresh(url: str) -> Iterator[str]:
    name = f"ballyhoo_bench_{uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    made = psycopg.conninfo.make_conninfo(url, dbname=name)
    try:
        with psycopg.connect(made, autocommit=True) as connection:
            migrate(connection)
        yield made
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def durability(url: str) -> str:
    """The settings without which a rate means nothing."""
    names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")
    with psycopg.connect(url) as connection:
        return ", ".join(f"{name} {connection.execute(f'show {name}'.encode()).fetchone()[0]}" for name in names)  # type: ignore[index]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(module: str, environment: Mapping[str, str]) -> Iterator[int]:
    """Run a module that serves HTTP on the port of its last argument, until the context ends."""
    port = free_port()
    modules = ["tests.bench.profiled", module] if PROFILE else [module]
    command = [sys.executable, "-m", *modules, str(port)]
    child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
    try:
        _wait_for(port, child)
        yield port
    finally:
        child.terminate()
        child.wait(20)


def _wait_for(port: int, child: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if child.poll() is not None:
            raise RuntimeError("the server ended before it answered")
        try:
            with urlopen(f"http://127.0.0.1:{port}/no-op", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server does not answer")


def load(
    port: int, requests: Sequence[bytes], *, connections: int, seconds: float = SECONDS, repeat: bool = False,
    nice: int = 0,
) -> dict[str, float]:
    """Run the load from a process of its own, by ``nice`` behind the others where cores are few; see
    ``tests.bench.load``. RuntimeError where anything but 200 came."""
    with tempfile.NamedTemporaryFile() as file:
        pickle.dump(list(requests), file)
        file.flush()
        command = [
            "nice", "-n", str(nice), sys.executable, "-m", "tests.bench.load", str(port), str(connections),
            str(seconds), file.name,
        ]  # fmt: skip
        done = subprocess.run([*command, *(["repeat"] if repeat else [])], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    seen: dict[str, float] = json.loads(done.stdout)
    if set(seen["statuses"]) != {"200"}:  # type: ignore[call-overload]
        raise RuntimeError(f"answers: {seen['statuses']}")
    return seen


def post(path: str, body: bytes, token: str, header: str | None = None) -> bytes:
    """A request, ready for the socket."""
    further = f"{header}\r\n" if header else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n{further}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _median(samples: Sequence[Sample], name: str) -> float:
    return float(statistics.median(getattr(sample, name) for sample in samples))
