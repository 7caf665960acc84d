"""While one workspace floods, another's facts are answered nearly as fast as usual."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from uuid import uuid4

import pytest

from tests.support.campaigns import drafted
from tests.support.client import Client
from tests.support.server import ROOT, Product

ROUNDS = int(os.environ.get("ROUNDS", "3"))
FACTS = 400
EVERY = 0.005
CONNECTIONS = 8


def p99_of(client: Client, campaign: str) -> float:
    """The 99th percentile of the seconds that a single fact takes, one every five milliseconds."""
    seconds = []
    for _ in range(FACTS):
        fact = {"id": str(uuid4()), "kind": "click", "campaign_id": campaign}
        began = time.perf_counter()
        client.post("/v1/track", fact).ok()
        seconds.append(time.perf_counter() - began)
        time.sleep(EVERY)
    return sorted(seconds)[int(FACTS * 0.99)]


@contextmanager
def flooding(client: Client, campaign: str) -> Iterator[list[int]]:
    """Another process that floods; in the end the list holds how many facts were taken in."""
    command = [sys.executable, "-m", "tests.support.flood", client.url, client.key or "", campaign, str(CONNECTIONS)]
    taken: list[int] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        time.sleep(1.0)
        yield taken
        process.terminate()
        said, _ = process.communicate(timeout=60)
    taken.append(int(said))


@pytest.mark.req("TEA-4")
@pytest.mark.faults
def test_a_flood_of_one_workspace_at_most_doubles_the_p99_of_another(apart: Product) -> None:
    apart.projector()
    api = apart.api()
    quiet, loud = apart.client(api), apart.client(api)
    mine, theirs = drafted(quiet), drafted(loud)
    p99_of(quiet, mine)
    usual, flooded, taken = [], [], []
    for _ in range(ROUNDS):
        usual.append(p99_of(quiet, mine))
        with flooding(loud, theirs) as count:
            flooded.append(p99_of(quiet, mine))
        taken += count

    ratio = median(flooded) / median(usual)
    print(
        f"p99 usually {median(usual) * 1000:.1f} ms, in a flood of {sum(taken)} facts {median(flooded) * 1000:.1f} ms:"
        f" {ratio:.2f} times"
    )
    assert ratio <= 2.0
