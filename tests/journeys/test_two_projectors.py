"""Two projectors: one sleeps, the other has its partitions; woken, the first writes nothing; the sums are exact."""

from __future__ import annotations

import signal
import threading
import time

import psycopg
import pytest

from tests.support.campaigns import drafted
from tests.support.client import Client
from tests.support.server import Product, Running
from tests.waiting import wait_until

TAKEN_OVER_WITHIN = 30.0


def owned(product: Product) -> dict[str, int]:
    """How many partitions each owner holds at this moment."""
    with psycopg.connect(product.dsn, autocommit=True) as connection:
        rows = connection.execute(
            "select owner::text, count(*) from ballyhoo.leases"
            " where name like 'projector:%' and until > clock_timestamp() group by 1"
        ).fetchall()
    return {owner: int(count) for owner, count in rows}


class Tracking(threading.Thread):
    """A client that keeps on sending clicks of many contacts."""

    def __init__(self, client: Client, campaign: str) -> None:
        super().__init__(daemon=True)
        self.clicks = 0
        self.position = ""
        self._client = client
        self._campaign = campaign
        self._end = threading.Event()

    def run(self) -> None:
        """Until ``end``."""
        while not self._end.is_set():
            facts = [
                {"kind": "click", "campaign_id": self._campaign, "contact_id": f"c{self.clicks + number}"}
                for number in range(20)
            ]
            self.position = self._client.track(*facts).body["position"]
            self.clicks += len(facts)
            time.sleep(0.02)

    def end(self) -> None:
        """Stop, and wait for the last answer."""
        self._end.set()
        self.join(30)


@pytest.mark.req("EVT-3", "OPS-5")
@pytest.mark.faults
def test_a_sleeping_owners_partitions_are_taken_and_its_awakening_changes_nothing(apart: Product) -> None:
    first, second = apart.projector(), apart.projector()
    alice = apart.client(apart.api())
    wait_until(lambda: sorted(owned(apart).values()) == [8, 8], 20)
    campaign = drafted(alice)
    tracking = Tracking(alice, campaign)
    tracking.start()
    time.sleep(1.0)

    first.process.send_signal(signal.SIGSTOP)
    slept = time.monotonic()
    wait_until(lambda: max(owned(apart).values(), default=0) == 16, TAKEN_OVER_WITHIN)
    print(f"taken over within {time.monotonic() - slept:.1f} s")
    time.sleep(1.0)
    first.process.send_signal(signal.SIGCONT)
    time.sleep(3.0)
    tracking.end()

    total = alice.get(f"/v1/campaigns/{campaign}/metrics", after=tracking.position, wait=30).ok().body["total"]
    assert (total["clicks"], total["unique_clicks"]) == (tracking.clicks, tracking.clicks)
    wait_until(lambda: sorted(owned(apart).values()) == [8, 8], 20)
    assert _alive(first)
    assert _alive(second)


def _alive(running: Running) -> bool:
    return running.process.poll() is None
