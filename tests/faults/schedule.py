"""Which faults come when: the same for the same seed, and never fewer of a kind than was promised."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

PROCESSES = ("api", "projector", "worker", "relay")
TOXICS = ("cut replies", "cut requests", "halve", "delay", "hold", "reset")

# How many there are in a minute: three minutes see twelve kills of each kind of process, six of Postgres, four of
# the broker.
_A_MINUTE = {
    "kill": 4.0,
    "stop": 0.7,
    "kill postgres": 2.0,
    "stop postgres": 0.5,
    "kill everything": 0.34,
    "kill broker": 1.0,
    "stop broker": 0.5,
    "wipe broker": 0.34,
    "fill broker": 0.34,
    "lose a record": 6.0,
    "proxy": 1.7,
    "clock": 1.0,
    "rebuild": 3.0,
    "older build": 0.67,
}
_LASTS = {
    "kill": (0.0, 1.0),
    "stop": (1.0, 14.0),
    "kill postgres": (0.0, 1.5),
    "stop postgres": (0.5, 3.0),
    "kill everything": (0.0, 1.0),
    "kill broker": (0.2, 5.0),
    "stop broker": (1.0, 8.0),
    "wipe broker": (0.2, 2.0),
    "fill broker": (1.0, 3.0),
    "lose a record": (0.0, 0.0),
    "proxy": (1.0, 4.0),
    "clock": (2.0, 6.0),
    "rebuild": (0.0, 0.0),
    "older build": (6.0, 12.0),
}
_OF_KAFKA = ("kill broker", "stop broker", "wipe broker", "fill broker", "lose a record")


@dataclass(frozen=True, order=True)
class Fault:
    """``kind`` comes over ``victim`` ``at`` seconds after the load began, and goes again ``lasts`` seconds later."""

    at: float
    kind: str
    victim: str
    lasts: float
    number: int = 0

    def __str__(self) -> str:
        lasts = f" for {self.lasts:.1f} s" if self.lasts else ""
        return f"{self.at:6.1f} s  {self.kind} {self.victim}".rstrip() + lasts


def plan(seed: int, seconds: float, *, kafka: bool) -> list[Fault]:
    """The faults of a run of ``seconds``, in their order. The first and the last second stay quiet."""
    choose = random.Random(seed)
    found = []
    for kind, many in _A_MINUTE.items():
        for victim in _victims(kind, kafka=kafka):
            times = math.ceil(round(many * seconds / 60, 6))
            # What is wiped can't be looked at in the end: early, so that most of the others come after it.
            latest = seconds / 3 if kind == "wipe broker" else seconds - 1.0
            for turn in range(times):  # one in each stretch, so that there is something to kill again
                at = 1.0 + (latest - 1.0) * (turn + choose.random()) / times
                number = choose.randrange(1 << 16)
                which, lasts = _chosen(choose, kind, victim, kafka), choose.uniform(*_LASTS[kind])
                found.append(Fault(at, kind, which, lasts, number))
    return sorted(found)


def _victims(kind: str, *, kafka: bool) -> Iterator[str]:
    if kind in ("kill", "stop"):
        yield from PROCESSES if kafka else PROCESSES[:-1]
    elif kind == "proxy":
        yield from ("http", "postgres", "kafka") if kafka else ("http", "postgres")
    elif kind == "lose a record":
        yield from ("engagement", "events") if kafka else ()
    elif kind == "rebuild":
        yield "campaign_metrics"
    elif kafka or kind not in _OF_KAFKA:
        yield ""


def _chosen(choose: random.Random, kind: str, victim: str, kafka: bool) -> str:
    if kind == "older build":
        return choose.choice(PROCESSES if kafka else PROCESSES[:-1])
    if kind == "proxy":
        return f"{victim}: {choose.choice(TOXICS)}"
    if kind == "clock":
        return f"{choose.choice((-3600, -60, 60, 3600)):+d} s"
    return victim
