"""The rings of tests, from the fastest out: a test belongs to the outermost whose marker or fixtures it has.

Every run ends with one line for each ring that took part: ``ring: tests, seconds``.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

OUTERMOST_FIRST = ("faults", "browser", "kafka", "postgres")
PURE = "pure"

# A test that asks for one of these needs a Postgres server, marked or not.
DATABASE_FIXTURES = {"server", "database_url", "fresh_database"}


def ring_of(markers: Iterable[str]) -> str:
    """The ring of a test with these markers."""
    has = set(markers)
    return next((ring for ring in OUTERMOST_FIRST if ring in has), PURE)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.postgres)
        ring = ring_of(marker.name for marker in item.iter_markers())
        if ring == PURE:
            item.add_marker(pytest.mark.pure)
        item.user_properties.append(("ring", ring))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = summary(report for reports in terminalreporter.stats.values() for report in reports)
    if lines:
        terminalreporter.section("rings")
    for line in lines:
        terminalreporter.write_line(line)


def summary(reports: Iterable[object]) -> list[str]:
    """One line for each ring: its tests, the seconds spent in them, and what failed, where something did."""
    seconds: dict[str, float] = {}
    tests: dict[str, set[str]] = {}
    failed: dict[str, set[str]] = {}
    for report in reports:
        if not isinstance(report, pytest.TestReport):
            continue
        ring = str(dict(report.user_properties).get("ring", PURE))
        seconds[ring] = seconds.get(ring, 0.0) + report.duration
        tests.setdefault(ring, set()).add(report.nodeid)
        if report.failed:
            failed.setdefault(ring, set()).add(report.nodeid)
    return [
        f"{ring}: {len(tests[ring])} tests, {seconds[ring]:.1f} s"
        + (f", {len(failed[ring])} failed" if ring in failed else "")
        for ring in (PURE, *reversed(OUTERMOST_FIRST))
        if ring in tests
    ]
