"""An older build of the product for the tests that run it beside this one; skipped, with one line, without history."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.older_build import COMMITS, HOW_TO_GET_IT, Build, NotToBeHad, taken_out


@pytest.fixture
def older(tmp_path: Path) -> Build:
    """The oldest build that ``tests/older_build.txt`` names. (``make faults`` restarts into the first that starts.)"""
    try:
        return taken_out(tmp_path / "build", COMMITS[0])
    except NotToBeHad as error:
        pytest.skip(str(error))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    tests = [report for report in reports if isinstance(report, pytest.TestReport)]
    if skipped := sum(test.skipped and HOW_TO_GET_IT in str(test.longrepr) for test in tests):
        terminalreporter.write_line(f"older build: {skipped} tests skipped, {HOW_TO_GET_IT}")
