"""A real Kafka broker for the tests: one for each worker of a run, topics of its own for each test.

Without the jars there is none to be had: the tests that need one are then skipped, which one line says; with
``CI=true`` they are fetched, and where that cannot be they fail. The run ends with the broker's own version.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.kafka.settings import KafkaSettings
from infra.kafka.broker import Broker
from infra.kafka.jars import HOW_TO_GET_ONE, JarsMissing, are_here, fetch


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The running broker of this worker."""
    to_be_had()
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def fresh_broker(tmp_path: Path) -> Iterator[Broker]:
    """A running broker for one test alone, which may kill and wipe it."""
    to_be_had()
    with Broker(tmp_path / "kafka") as broker:
        yield broker


@pytest.fixture
def kafka(broker: Broker, record_property: Callable[[str, object], None]) -> KafkaSettings:
    """The way to the broker, with topics of this test alone."""
    record_property("told", f"kafka: Apache Kafka {broker.version}")
    return settings_for(broker)


def settings_for(broker: Broker) -> KafkaSettings:
    """Topics that nobody has used yet on ``broker``."""
    return KafkaSettings(broker.bootstrap, prefix=f"test-{uuid4().hex[:8]}.")


def to_be_had() -> None:
    """Fetch, skip or fail, as the run asks for."""
    if are_here():
        return
    if os.environ.get("CI") != "true":
        pytest.skip(HOW_TO_GET_ONE)
    try:
        fetch()
    except (JarsMissing, subprocess.CalledProcessError) as error:
        pytest.fail(f"{HOW_TO_GET_ONE}; {error}", pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    for line in lines(reports):
        terminalreporter.write_line(line)


def lines(reports: Iterable[object]) -> list[str]:
    """That the ring was skipped for want of a broker, where it was."""
    tests = [report for report in reports if isinstance(report, pytest.TestReport)]
    skipped = sum(test.skipped and HOW_TO_GET_ONE in str(test.longrepr) for test in tests)
    return [f"kafka: {skipped} tests skipped, {HOW_TO_GET_ONE}"] if skipped else []
