"""One run: a house under load, a schedule over it, and the invariants when it has healed."""

from __future__ import annotations

import logging
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from tests.faults.checks.answers import answers_have_causes, clients_were_content
from tests.faults.checks.due import due_is_done_once
from tests.faults.checks.figures import answers_are_the_oracles, rebuilds_saw_no_difference, rows_are_the_logs
from tests.faults.checks.links import records_link
from tests.faults.checks.logs import acknowledged_is_stored, versions_and_positions
from tests.faults.checks.rest import comes_to_rest
from tests.faults.checks.seen import Broken, Seen
from tests.faults.checks.walls import walls_stand
from tests.faults.clients import Clients
from tests.faults.conductor import Conductor
from tests.faults.house import House, NotWell
from tests.faults.journal import Journal
from tests.faults.schedule import Fault, plan

CHECKS: tuple[tuple[str, Callable[[Seen], list[Broken]]], ...] = (
    ("I8", comes_to_rest),
    ("I1", acknowledged_is_stored),
    ("I3", versions_and_positions),
    ("I4", due_is_done_once),
    ("I2", answers_are_the_oracles),
    ("I2", rows_are_the_logs),
    ("I2", rebuilds_saw_no_difference),
    ("I6", walls_stand),
    ("I7", answers_have_causes),
    ("I7", clients_were_content),
    ("I3", records_link),
)
"""Lag first: the others look at what has come to rest."""

Say = Callable[[str], None]


@dataclass
class Report:
    """What a run came to."""

    broken: list[Broken] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def deaths(self) -> str:
        """How many of what were killed alive."""
        return ", ".join(f"{many} × {what}" for what, many in sorted(self.killed.items()))

    def lines(self) -> Iterator[str]:
        """The report, the verdict last."""
        yield f"killed: {self.deaths()}"
        yield "counted: " + ", ".join(f"{what} {many}" for what, many in sorted(self.counts.items()))
        yield from map(str, self.broken)
        names = sorted({broken.name for broken in self.broken})
        yield f"NOT HELD: {', '.join(names)}" if names else "I1 I2 I3 I4 I5 I6 I7 I8 hold"


def run(seed: int, seconds: float, *, kafka: bool, bug: str = "", say: Say = print) -> Report:
    """Everything from the start of the processes to their end. Call it from the main thread."""
    faults = plan(seed, seconds, kafka=kafka)
    say(f"seed {seed}, {seconds:.0f} s, {'with' if kafka else 'without'} Kafka{f', planted: {bug}' if bug else ''}")
    for fault in faults:
        say(str(fault))
    with tempfile.TemporaryDirectory(prefix="ballyhoo-faults-") as folder:
        with House(Path(folder), seed=seed, kafka=kafka, bug=bug) as house:
            house.wait_until_ready()
            seen, conductor = _under_fire(house, faults, seconds, seed)
            report = Report(counts=seen.journal.counts, killed=house.killed)
            for name, check in CHECKS:
                began = time.time()
                report.broken += _checked(name, check, seen)
                report.counts[f"seconds to see whether {check.__name__.replace('_', ' ')}"] = round(time.time() - began)
            report.counts.update({f"fault: {kind}": many for kind, many in conductor.done.items()})
            report.counts.update(_of_proxies(house))
        for line in report.lines():
            say(line)
    return report


def _under_fire(house: House, faults: list[Fault], seconds: float, seed: int) -> tuple[Seen, Conductor]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    numbers, keys = zip(*(house.workspace() for _ in range(2)), strict=True)
    journal, conductor = Journal(), Conductor(house)
    clients = Clients(journal, list(keys), house.apis, seed=seed)
    clients.begin()
    began = time.time()
    conductor.run(faults, seconds, give_up=clients.broken.is_set)
    try:
        conductor.heal()
        conductor.disturb_the_calm()
    except NotWell as error:
        journal.complain("I8", str(error))
    ended = time.time()
    clients.stop()
    content = time.time()
    conductor.finish_errands()
    journal.count("seconds to heal", round(ended - began - seconds))
    journal.count("seconds until no answer was in doubt", round(content - ended))
    journal.count("seconds until no rebuild was at it", round(time.time() - content))
    seen = Seen(house, journal, list(numbers), list(keys), clients.campaigns, [(began, ended)])
    return seen, conductor


def _checked(name: str, check: Callable[[Seen], list[Broken]], seen: Seen) -> list[Broken]:
    """What a check finds; where it can't even look, that."""
    try:
        return check(seen)
    except Exception as error:
        return [Broken(name, f"{check.__name__} could not look: {error!r}"[:500])]


def _of_proxies(house: House) -> Counter[str]:
    done: Counter[str] = Counter()
    for protocol, proxies in house.proxies.items():
        for proxy in proxies:
            done.update({f"{protocol} {what}": many for what, many in proxy.done.items()})
    return done
