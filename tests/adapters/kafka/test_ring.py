"""Without a broker the ring is skipped, which one line says; on CI it fails and says the same."""

from __future__ import annotations

import pytest

from infra.kafka.jars import HOW_TO_GET_ONE, JarsMissing
from tests.plugins import broker


def missing() -> None:
    """Nothing to fetch with."""
    raise JarsMissing(HOW_TO_GET_ONE)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "are_here", lambda: False)
    monkeypatch.setattr(broker, "fetch", missing)


def test_without_a_broker_a_test_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="make kafka"):
        broker.to_be_had()


def test_on_ci_a_test_fails_and_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="make kafka"):
        broker.to_be_had()


def test_the_run_says_in_one_line_that_tests_were_skipped() -> None:
    skipped = pytest.TestReport(
        "test_x", ("test_x.py", 1, "test_x"), {}, "skipped", ("test_x.py", 1, f"Skipped: {HOW_TO_GET_ONE}"), "setup"
    )

    assert broker.lines([skipped, skipped]) == [f"kafka: 2 tests skipped, {HOW_TO_GET_ONE}"]
