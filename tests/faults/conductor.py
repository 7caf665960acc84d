"""Runs a schedule over a house: brings each fault, takes it away again, and starts what died."""

from __future__ import annotations

import heapq
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from itertools import count

from adapters.event_store.outbox import LOGS
from adapters.postgres.embedded import EmbeddedError
from infra.kafka.broker import BrokerError
from tests.faults.house import House
from tests.faults.schedule import Fault
from tests.support.older_build import Build

LOOK_EVERY = 0.05
CALM = 30.0
"""Seconds for each thing that is done in the calm; a slow machine may not get to the end of one."""
ERRANDS_END_WITHIN = 120.0
"""Seconds for a rebuild to its end once nothing else happens; it takes a few of them."""
_FULL = 4096
"""Bytes of a file that the broker may write while its disk is full."""


class Conductor:
    """``run`` from the main thread. ``done`` counts the faults by kind."""

    def __init__(self, house: House) -> None:
        self.done: Counter[str] = Counter()
        self._house = house
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._brings = {
            "kill": self._kill,
            "stop": self._stop,
            "kill postgres": self._kill_postgres,
            "stop postgres": self._stop_postgres,
            "kill everything": self._kill_everything,
            "kill broker": self._kill_broker,
            "stop broker": self._stop_broker,
            "wipe broker": self._wipe_broker,
            "fill broker": self._fill_broker,
            "lose a record": self._lose_a_record,
            "proxy": self._proxy,
            "clock": self._clock,
            "rebuild": self._rebuild,
            "older build": self._older_build,
        }
        self._postgres_away = self._broker_away = 0

    def run(self, faults: list[Fault], seconds: float, *, give_up: Callable[[], object]) -> None:
        """Bring every fault at its time, until ``seconds`` have passed or ``give_up`` says so."""
        began = time.monotonic()
        for fault in faults:
            self._at(began + fault.at, lambda fault=fault: self._bring(fault))  # type: ignore[misc]
        while (time.monotonic() < began + seconds or self._waiting) and not give_up():
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                heapq.heappop(self._waiting)[2]()
            self._mend()
            time.sleep(LOOK_EVERY)

    def heal(self) -> None:
        """Take away whatever is still there, and wait until all is well."""
        while self._waiting:
            heapq.heappop(self._waiting)[2]()
        self._mend()
        self._house.wait_until_ready()

    def disturb_the_calm(self) -> None:
        """What shows surest while all else is well and the load goes on: a record of each log that is lost, tables that
        are swapped under batches, and the death of the relay that publishes."""
        house = self._house
        if house.broker is not None:
            self._wait(house.reads_kafka, CALM)
            lost = [house.folder / f"lose-{log}" for log in LOGS]
            for asked in lost:
                asked.touch()
            self._wait(lambda: not any(asked.exists() for asked in lost), CALM)
        house.errand("rebuild", "campaign_metrics")
        self._wait(lambda: not house.at_errands(), CALM)
        if house.broker is not None:
            house.kill("relay", 1, down=0.0)
            house.wait_until_ready()

    def finish_errands(self) -> None:
        """Wait for what was begun beside everything else. It has a hard time while the load goes on: end that first."""
        self._wait(lambda: not self._house.at_errands(), ERRANDS_END_WITHIN)

    def _wait(self, reached: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not reached() and time.monotonic() < deadline:
            self._mend()
            time.sleep(LOOK_EVERY)

    def _bring(self, fault: Fault) -> None:
        self.done[fault.kind] += 1
        self._brings[fault.kind](fault)

    def _at(self, moment: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._waiting, (moment, next(self._order), do))

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        self._at(time.monotonic() + seconds, do)

    def _mend(self) -> None:
        """What died is started, unless it is meant to stay away for a while."""
        house = self._house
        house.keep_running()
        if not self._postgres_away and not house.postgres.alive():
            try:
                house.postgres.start()
            except EmbeddedError as error:
                print(f"Postgres does not start: {error}", flush=True)
        if house.broker is not None and not self._broker_away and house.broker.pid is None:
            try:
                house.broker.start()
            except BrokerError as error:
                print(f"the broker does not start: {error}", flush=True)

    def _kill(self, fault: Fault) -> None:
        self._house.kill(fault.victim, fault.number, down=fault.lasts)

    def _stop(self, fault: Fault) -> None:
        some = self._house.of(fault.victim)
        process = some[fault.number % len(some)]
        process.signal(signal.SIGSTOP)
        self._after(fault.lasts, lambda: process.signal(signal.SIGCONT))

    def _kill_postgres(self, fault: Fault) -> None:
        self._house.kill_postgres(whole=fault.number % 2 == 0)
        self._postgres_stays_away(fault.lasts)

    def _stop_postgres(self, fault: Fault) -> None:
        self._house.signal_postgres(signal.SIGSTOP)
        self._after(fault.lasts, lambda: self._house.signal_postgres(signal.SIGCONT))

    def _kill_everything(self, fault: Fault) -> None:
        self._house.kill_postgres(whole=True)
        for process in self._house.processes:
            self._house.killed[process.kind] += process.kill(down=fault.lasts)
        self._postgres_stays_away(fault.lasts)

    def _kill_broker(self, fault: Fault) -> None:
        assert self._house.broker is not None
        self._house.killed["broker"] += self._house.broker.pid is not None
        self._house.broker.kill()
        self._broker_stays_away(fault.lasts)

    def _stop_broker(self, fault: Fault) -> None:
        broker = self._house.broker
        assert broker is not None
        broker.freeze()
        self._after(fault.lasts, broker.thaw)

    def _wipe_broker(self, fault: Fault) -> None:
        assert self._house.broker is not None
        self._house.killed["broker"] += self._house.broker.pid is not None
        self._house.broker.wipe()
        self._broker_stays_away(fault.lasts)

    def _fill_broker(self, fault: Fault) -> None:
        """Its files take no more: it ends by itself, or is ended when there is room again."""
        broker = self._house.broker
        assert broker is not None
        if broker.pid is None:
            return
        resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (_FULL, _FULL))
        self._broker_away += 1

        def room_again() -> None:
            self._broker_away -= 1
            broker.kill()

        self._after(fault.lasts, room_again)

    def _lose_a_record(self, fault: Fault) -> None:
        (self._house.folder / f"lose-{fault.victim}").touch()

    def _proxy(self, fault: Fault) -> None:
        protocol, toxic = fault.victim.split(": ")
        for proxy in self._house.proxies[protocol]:
            proxy.poison(toxic)
            self._after(0.0 if toxic == "reset" else fault.lasts, lambda proxy=proxy: proxy.poison(None))  # type: ignore[misc]

    def _clock(self, fault: Fault) -> None:
        clock = self._house.folder / "clock"
        clock.write_text(fault.victim.removesuffix(" s"))
        self._after(fault.lasts, lambda: clock.unlink(missing_ok=True))

    def _rebuild(self, fault: Fault) -> None:
        if not self._house.errand("rebuild", fault.victim):
            self.done["rebuild not begun: the last one is still at it"] += 1

    def _older_build(self, fault: Fault) -> None:
        """A process is started again as the build before, and after a while as this one."""
        some = self._house.of(fault.victim)
        process = some[fault.number % len(some)]

        def again_as(build: Build | None) -> None:
            process.older = build
            self._house.killed[process.kind] += process.kill(down=0.0)

        again_as(self._house.older)
        self._after(fault.lasts, lambda: again_as(None))

    def _postgres_stays_away(self, seconds: float) -> None:
        self._postgres_away += 1

        def back() -> None:
            self._postgres_away -= 1

        self._after(seconds, back)

    def _broker_stays_away(self, seconds: float) -> None:
        self._broker_away += 1

        def back() -> None:
            self._broker_away -= 1

        self._after(seconds, back)
