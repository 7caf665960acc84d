"""Everything of a cluster on one machine, each part killable: Postgres, a broker, two of each process, and proxies
between them.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import psycopg

from adapters.event_store.workspaces import make_key
from adapters.postgres.cluster import socket_folder
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.processes import living, postmaster
from infra.database import bring_up
from infra.kafka.broker import Broker
from infra.kafka.metadata import free_port
from projections.ab_evidence import AB_EVIDENCE
from projections.campaign_list import CAMPAIGN_LIST
from tests.faults.child import BUG, FOLDER
from tests.faults.processes import Process
from tests.faults.proxy import Proxies, Proxy
from tests.faults.schedule import PROCESSES
from tests.infra.serving import environment
from tests.support.client import Client, NoReply
from tests.support.older_build import COMMITS, Build, NotToBeHad, taken_out

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
_PUBLISHING = "select pid from ballyhoo.leases join ballyhoo.processes on id = owner where name = 'relay'"
_FROM_KAFKA = """
select bool_and(c.topic_id = r.topic_id)
  from (select * from {}.checkpoints union all select * from {}.checkpoints) c
  join ballyhoo.relay r using (log)
"""
SETTINGS = {"shared_buffers": "256MB", "min_wal_size": "256MB", "max_wal_size": "1GB"}


class NotWell(Exception):
    """Not everything works although nothing is in its way any more; the message says what, and the last words."""


class House:
    """Runs while the block does. ``killed`` counts what was killed alive."""

    def __init__(self, folder: Path, *, seed: int, kafka: bool, bug: str = "") -> None:
        self.folder = folder
        self.killed: Counter[str] = Counter()
        self.postgres = EmbeddedPostgres(folder / "postgres", settings=SETTINGS)
        self.broker: Broker | None = None
        self.processes: list[Process] = []
        self.proxies: dict[str, list[Proxy]] = {}
        self.older: Build | None = None
        self.errands: dict[tuple[str, ...], Process] = {}
        self._seed, self._kafka, self._bug = seed, kafka, bug
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._proxies = starting.enter_context(Proxies())
            starting.enter_context(self.postgres)
            bring_up(self.url, None, lambda key: None)
            if not self._bug:  # of which an older build knows nothing
                self.older = older_build(self.folder / "older", self.url)
            socket = socket_folder(self.postgres.folder) / ".s.PGSQL.5432"
            self.proxies["postgres"] = [self._proxies.proxy(socket, seed=self._seed)]
            if self._kafka:
                starting.enter_context(self._new_broker())
            starting.callback(self._end_processes)
            self._environment = environment(**self._settings()) | {
                "PYTHONPATH": str(ROOT), FOLDER: str(self.folder), BUG: self._bug, "PYTHONUNBUFFERED": "1"
            }  # fmt: skip
            self._make_processes()
            self.keep_running()
            self._stack = starting.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """The database, without a proxy between."""
        return self.postgres.url

    @property
    def apis(self) -> list[str]:
        """Where the API answers, behind proxies."""
        return [f"http://127.0.0.1:{proxy.port}" for proxy in self.proxies["http"]]

    def workspace(self) -> tuple[int, str]:
        """The number of a new workspace, and its owner's key."""
        name = f"workspace-{uuid4()}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            key = make_key(connection, name, "owner")
            found = connection.execute("select number from ballyhoo.workspaces where name = %s", (name,)).fetchone()
            assert found is not None
            return int(found[0]), key

    def keep_running(self) -> None:
        """Start what should run and does not."""
        for process in (*self.processes, *self.at_errands()):
            process.keep_running()

    def problems(self) -> set[str]:
        """What the apis say is wrong. Not lag: while the load goes on, that says how fast the machine is."""
        found: set[str] = set()
        for url in self.apis:
            try:
                found |= {f"{part}: {what}" for part, what in _problems(url).items() if part != "lag"}
            except NoReply as error:
                found.add(f"api: {error}")
        return found

    def wait_until_ready(self) -> None:
        """Start what is missing until all is well. NotWell where that does not come."""
        deadline = time.monotonic() + PATIENCE
        while problems := self.problems():
            if time.monotonic() > deadline:
                said = "\n".join(_last_words(log) for log in self.logs())
                raise NotWell(f"after {PATIENCE:.0f} s {', '.join(sorted(problems))}\n{said}")
            self.keep_running()
            time.sleep(0.1)

    def of(self, kind: str) -> list[Process]:
        """The processes of a kind."""
        return [process for process in self.processes if process.kind == kind]

    def kill(self, kind: str, number: int, *, down: float) -> None:
        """Kill one process of a kind; it is started again after so many seconds. Of the relays mostly the one that
        publishes: it takes a lease's time until another does, and those that stand by have nothing to lose."""
        some = self.of(kind)
        if kind == "relay" and number % 4:
            active = self._publishing()
            some = [process for process in some if process.pid == active] or some
        self.killed[kind] += some[number % len(some)].kill(down=down)

    def kill_postgres(self, *, whole: bool) -> None:
        """Kill the postmaster, whose children may go on for a moment, or every process of the server."""
        there = living(self.postgres.folder)
        head = postmaster(self.postgres.folder)
        for pid in there if whole else there & {head}:
            _signal(pid, signal.SIGKILL)
        self.killed["postgres"] += bool(there)

    def signal_postgres(self, number: signal.Signals) -> None:
        """Signal every process of the server."""
        for pid in living(self.postgres.folder):
            _signal(pid, number)

    def errand(self, kind: str, *arguments: str) -> bool:
        """Run a command of the product beside everything else, again and again until it ends well. False where the
        same one is still at it: the product would refuse the second for as long as that lasts."""
        words = (kind, *arguments)
        if words in self.errands and not self.errands[words].finished:
            return False
        self.errands[words] = Process(kind, arguments, self.folder / f"{kind}.log", self._environment)
        self.errands[words].keep_running()
        return True

    def at_errands(self) -> list[Process]:
        """The errands that have not ended well yet."""
        return [errand for errand in self.errands.values() if not errand.finished]

    def reads_kafka(self) -> bool:
        """Whether the figures have come from the topics that are there now, in every partition."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            asked = _FROM_KAFKA.format(AB_EVIDENCE.schema, CAMPAIGN_LIST.schema)
            return connection.execute(asked.encode()).fetchone() == (True,)

    def logs(self) -> list[Path]:
        """What the processes said."""
        return sorted(self.folder.glob("*.log"))

    def _publishing(self) -> int | None:
        """The pid of the relay that holds the lease; None where nobody says."""
        try:
            with psycopg.connect(self.url, autocommit=True, connect_timeout=2) as connection:
                found = connection.execute(_PUBLISHING).fetchone()
        except psycopg.OperationalError:
            return None
        return None if found is None else int(found[0])

    def _settings(self) -> dict[str, str]:
        port = self.proxies["postgres"][0].port
        settings = {"database_url": f"postgresql://postgres@127.0.0.1:{port}/ballyhoo?sslmode=disable&gssencmode=disable"}
        if self.broker is not None:
            settings["kafka"] = f"127.0.0.1:{self.proxies['kafka'][0].port}"
        return settings

    def _new_broker(self) -> Broker:
        port = free_port()
        proxy = self._proxies.proxy(port, seed=self._seed + 1)
        self.proxies["kafka"] = [proxy]
        advertised = {"advertised.listeners": f"PLAINTEXT://127.0.0.1:{proxy.port}"}
        self.broker = Broker(self.folder / "broker", port=port, settings=advertised)
        return self.broker

    def _make_processes(self) -> None:
        self.proxies["http"] = []
        for kind in PROCESSES:
            if kind == "relay" and not self._kafka:
                continue
            for number in (1, 2):
                arguments: list[str] = []
                if kind == "api":
                    port = free_port()
                    arguments = ["--port", str(port)]
                    self.proxies["http"].append(self._proxies.proxy(port, seed=self._seed + 1 + number))
                log = self.folder / f"{kind}-{number}.log"
                self.processes.append(Process(kind, arguments, log, self._environment))

    def _end_processes(self) -> None:
        for process in (*self.processes, *self.errands.values()):
            process.kill(down=float("inf"))


def older_build(folder: Path, url: str) -> Build | None:
    """The oldest of the older builds that starts on this schema, and says which; else why there is none."""
    try:
        for commit in COMMITS:
            older = taken_out(folder / commit[:7], commit)
            if older.starts_on(url):
                print(f"older build: {commit[:7]}", flush=True)
                return older
    except NotToBeHad as error:
        print(f"No process is restarted as an older build: {error}.", flush=True)
        return None
    print("No process is restarted as an older build: all refuse this schema.", flush=True)
    return None


def _problems(url: str) -> dict[str, str]:
    problems: dict[str, str] = Client(url, None, timeout=5.0).get("/health/ready").body["problems"]
    return problems


def _last_words(log: Path) -> str:
    return f"{log.name}: {log.read_text(errors='replace')[-600:]}"


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
