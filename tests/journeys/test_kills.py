"""kill -9 of any process, of Postgres and of everything, again and again under load.

What was acknowledged counts once; what was in doubt and is sent again counts once. SEED=n repeats the same order of
kills, KILLS=n makes more of them.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.infra.serving import Serving
from tests.support.campaigns import a_document, history_of
from tests.support.client import Answer, Client, persistently
from tests.waiting import wait_until

SEED = int(os.environ.get("SEED", "41"))
KILLS = int(os.environ.get("KILLS", "30"))
PATIENCE = 90.0
WRITERS = 3
VICTIMS = ("api", "projector", "worker", "postgres", "serve", "everything")


class Load:
    """Clients that go on whatever happens, and keep account of what was acknowledged."""

    def __init__(self, url: str, key: str) -> None:
        self.client = Client(url, key, timeout=10.0)
        self.end = threading.Event()
        self.campaigns: list[str] = []
        self.clicks: dict[str, int] = {}
        self.revenue: dict[str, int] = {}
        self.changes: dict[str, int] = {}
        self.positions: list[str] = []

    def begin(self, writers: int) -> None:
        """Draft a campaign for each writer."""
        for number in range(writers):
            answer = self._until_done(partial(self._draft, f"draft-{number}"))
            self.campaigns.append(answer.body["id"])

    def track(self, writer: int) -> None:
        """Send batches; one in doubt is sent again, the same."""
        campaign, choose = self.campaigns[writer], random.Random(SEED * 1000 + writer)
        while not self.end.is_set():
            facts = self._facts(campaign, choose)
            answer = self._until_done(partial(self.client.post, "/v1/track/batch", {"facts": facts}))
            assert answer.body["accepted"] + answer.body["duplicates"] == len(facts), answer
            self.clicks[campaign] = self.clicks.get(campaign, 0) + sum(fact["kind"] == "click" for fact in facts)
            self.revenue[campaign] = self.revenue.get(campaign, 0) + sum(
                fact["value"]["amount"] for fact in facts if "value" in fact
            )
            self.positions.append(answer.body["position"])
            time.sleep(0.005)

    def change(self, writer: int) -> None:
        """Change a campaign; one in doubt is sent again, with its key."""
        campaign = self.campaigns[writer]
        while not self.end.is_set():
            number = self.changes.get(campaign, 0) + 1
            patch, key = {"tags": [str(number)]}, f"{campaign}-{number}"
            answer = self._until_done(partial(self.client.patch, f"/v1/campaigns/{campaign}", patch, key=key))
            assert answer.version == number + 1, answer
            self.changes[campaign] = number
            time.sleep(0.005)

    def _draft(self, key: str) -> Answer:
        return self.client.post("/v1/campaigns", a_document(), key=key)

    def _facts(self, campaign: str, choose: random.Random) -> list[dict[str, Any]]:
        facts: list[dict[str, Any]] = []
        for _ in range(choose.randint(1, 50)):
            fact: dict[str, Any] = {"id": str(uuid4()), "campaign_id": campaign, "kind": "click"}
            if choose.random() < 0.3:
                fact |= {"kind": "conversion", "value": {"amount": choose.randint(1, 999), "currency": "USD"}}
            if choose.random() < 0.5:
                fact["contact_id"] = f"contact-{choose.randint(1, 1000)}"
            facts.append(fact)
        return facts

    def _until_done(self, ask: Callable[[], Answer]) -> Answer:
        answer = persistently(ask, seconds=PATIENCE, also=(409,))  # its twin may still be in flight
        assert answer.status in (200, 201), answer
        return answer


class House:
    """``ballyhoo serve`` on a folder, started again on its port whenever it was killed."""

    def __init__(self, data: Path) -> None:
        self.serving = Serving(data)

    def kill(self, victim: str) -> None:
        """Kill one process, or all; where that ends the supervisor, start it again."""
        pids = self.serving.pids()
        if victim == "postgres":
            _kill(self.postmaster())
        elif victim in ("serve", "everything"):
            chosen = [*pids.values(), self.postmaster()] if victim == "everything" else [pids.get("serve")]
            for pid in chosen:
                _kill(pid)
            self.serving.process.wait(30)
            self.serving = Serving(self.serving.data, port=self.serving.port)
        else:
            _kill(pids.get(victim))

    def ready(self) -> bool:
        """Whether every part works."""
        return self.serving.ready()[0] == 200

    def postmaster(self) -> int | None:
        """The process of Postgres."""
        try:
            return int((self.serving.data / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def pids(self) -> set[int]:
        """Every process of the folder."""
        return {pid for pid in (*self.serving.pids().values(), self.postmaster()) if pid is not None}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A running product of one's own, stopped in the end whatever became of it."""
    house = House(tmp_path / "data")
    wait_until(house.ready, 30)
    yield house
    house.serving.stop()


@pytest.mark.req("EVT-3", "OPS-5")
@pytest.mark.faults
def test_whatever_is_killed_every_acknowledged_fact_and_command_counts_once(house: House) -> None:
    print(f"seed {SEED}, {KILLS} kills")
    choose = random.Random(SEED)
    key = (house.serving.data / "owner.key").read_text().strip()
    load = Load(house.serving.url, key)
    load.begin(WRITERS)
    with ThreadPoolExecutor(2 * WRITERS) as writers:
        running = [writers.submit(work, writer) for work in (load.track, load.change) for writer in range(WRITERS)]
        try:
            for number in range(KILLS):
                time.sleep(choose.uniform(0.05, 1.5))
                house.kill(choose.choice(VICTIMS))
                assert not [writer for writer in running if writer.done()], f"a client gave up at kill {number}"
        finally:
            load.end.set()
    for writer in running:
        writer.result()
    wait_until(house.ready, 60)

    _count_again(load, Client(house.serving.url, key))

    pids = house.pids()
    assert house.serving.stop() == 0
    assert not [pid for pid in pids if _lives(pid, house.serving.data)]


def _count_again(load: Load, client: Client) -> None:
    """Everything acknowledged, counted from the answers of the product."""
    for campaign in load.campaigns:
        for position in load.positions[-3:]:
            answer = client.get(f"/v1/campaigns/{campaign}/metrics", after=position, wait=30).ok()
        total = answer.body["total"]
        assert (total["clicks"], total["revenue"]) == (load.clicks[campaign], load.revenue[campaign])
        by_name = client.get(f"/v1/campaigns/{campaign}/metrics", group_by="day").ok().body["groups"]
        assert sum(group["clicks"] for group in by_name) == load.clicks[campaign]
        events = history_of(client, campaign)
        assert [event["version"] for event in events] == list(range(1, load.changes[campaign] + 2))
        listed = {item["id"]: item for item in client.pages("/v1/campaigns")}
        assert listed[campaign]["version"] == load.changes[campaign] + 1
        assert listed[campaign]["tags"] == [str(load.changes[campaign])]
    print(f"{sum(load.clicks.values())} clicks and {sum(load.changes.values())} commands count once each")


def _kill(pid: int | None) -> None:
    if pid is not None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def _lives(pid: int, data: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        variables = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return str(data).encode() in command + variables
