"""What tests have to say besides passing, at the end of the run, also where workers ran them.

``record_property("told", line)`` prints the line; ``record_property("counted", what)`` prints how many
tests said so and passed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = summary(report for reports in terminalreporter.stats.values() for report in reports)
    if lines:
        terminalreporter.section("told")
    for line in lines:
        terminalreporter.write_line(line)


def summary(reports: Iterable[object]) -> list[str]:
    """Every line told, sorted, then every count."""
    told: set[str] = set()
    counted: Counter[str] = Counter()
    for report in reports:
        if not isinstance(report, pytest.TestReport) or report.when != "call":
            continue
        told.update(str(value) for name, value in report.user_properties if name == "told")
        if report.passed:
            counted.update(str(value) for name, value in report.user_properties if name == "counted")
    return [*sorted(told), *(f"{what}: {count}" for what, count in sorted(counted.items()))]
