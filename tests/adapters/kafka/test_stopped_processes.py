"""A stopped process is replaced within its lease, and when it wakes it stands by."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from adapters.kafka.settings import KafkaSettings
from tests.adapters.kafka.ledger import Store, until
from tests.adapters.kafka.process import Process
from tests.adapters.kafka.test_through_kafka import load

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

WITHIN = 30.0
"""Seconds in which another has taken over: the promise."""


@pytest.mark.req("EVT-3", "OPS-2")
def test_a_stopped_relay_is_replaced_and_stands_by_when_it_wakes(
    store: Store, kafka: KafkaSettings, tmp_path: Path, record_property: Any
) -> None:
    with ExitStack() as stack:
        stopped = stack.enter_context(Process("relay", store.dsn, kafka, tmp_path / "stopped.log"))
        stack.enter_context(Process("projector", store.dsn, kafka, tmp_path / "projector.log"))
        until(lambda: stopped.said("relay_active"))
        other = stack.enter_context(Process("relay", store.dsn, kafka, tmp_path / "other.log"))
        with load(store):
            time.sleep(1)
            stopped.send(signal.SIGSTOP)
            since = time.monotonic()
            until(lambda: other.said("relay_active"), seconds=WITHIN)
            record_property("told", f"kafka: a stopped relay was replaced after {time.monotonic() - since:.1f} s")
            stopped.send(signal.SIGCONT)
            until(lambda: stopped.said("ownership_lost"))
        until(store.caught_up)
        assert len(stopped.said("relay_active")) == 1

    assert store.exact()


@pytest.mark.req("EVT-3", "OPS-2")
def test_a_stopped_projector_is_replaced_and_writes_nothing_when_it_wakes(
    store: Store, kafka: KafkaSettings, tmp_path: Path, record_property: Any
) -> None:
    with ExitStack() as stack:
        stack.enter_context(Process("relay", store.dsn, kafka, tmp_path / "relay.log"))
        stopped = stack.enter_context(Process("projector", store.dsn, kafka, tmp_path / "stopped.log"))
        until(lambda: stopped.said("partitions_held"))
        stack.enter_context(Process("projector", store.dsn, kafka, tmp_path / "other.log"))
        until(lambda: sharing(store) == 2)
        with load(store):
            time.sleep(1)
            stopped.send(signal.SIGSTOP)
            since = time.monotonic()
            until(lambda: sharing(store) == 1, seconds=WITHIN)
            record_property("told", f"kafka: a stopped projector was replaced after {time.monotonic() - since:.1f} s")
            stopped.send(signal.SIGCONT)
            until(lambda: stopped.said("leases_lost"))
        until(store.caught_up)

    assert store.exact()


def sharing(store: Store) -> int:
    """How many projectors hold partitions."""
    return int(store.one("select count(distinct owner) from ballyhoo.leases where name like 'projector:%%'"))
