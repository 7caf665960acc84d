"""One minute of ``make faults``: everything that can die does, and the invariants hold. SEED=n for another one."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from infra.kafka.jars import are_here
from tests.faults.run import run

SECONDS = float(os.environ.get("MINUTES") or 1.0) * 60


@pytest.mark.faults
@pytest.mark.req("EVT-3", "EVT-9", "OPS-2")
def test_whatever_dies_nothing_is_lost_doubled_or_crossed(record_property: Callable[[str, object], None]) -> None:
    seed = int(os.environ.get("SEED") or "7")

    report = run(seed, SECONDS, kafka=are_here())

    *_, verdict = report.lines()
    record_property("told", f"faults: seed {seed}, {report.deaths()}: {verdict}")
    assert report.broken == []
