"""A seed names one schedule, and no schedule has fewer faults than were promised."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.schedule import PROCESSES, plan


@pytest.mark.req("EVT-3")
def test_a_seed_names_one_schedule() -> None:
    assert plan(7, 180, kafka=True) == plan(7, 180, kafka=True)
    assert plan(7, 180, kafka=True) != plan(8, 180, kafka=True)


@pytest.mark.parametrize("seed", range(20))
def test_three_minutes_have_the_faults_that_were_promised(seed: int) -> None:
    faults = plan(seed, 180, kafka=True)

    kinds = Counter(fault.kind for fault in faults)
    kills = Counter(fault.victim for fault in faults if fault.kind == "kill")

    assert kinds["kill postgres"] >= 5
    assert kinds["kill broker"] >= 3
    assert all(kills[kind] >= 10 for kind in PROCESSES)
    assert {"stop", "stop postgres", "stop broker", "wipe broker", "fill broker"} <= kinds.keys()
    assert {"clock", "rebuild", "older build"} <= kinds.keys()
    assert {fault.victim.split(":")[0] for fault in faults if fault.kind == "proxy"} == {"http", "postgres", "kafka"}


def test_without_kafka_nothing_is_done_to_it() -> None:
    faults = plan(1, 60, kafka=False)

    assert not [fault for fault in faults if "broker" in fault.kind or fault.victim == "relay"]
