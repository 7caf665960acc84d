"""Rings: which test is in which, the line that each prints, and that a ring without its server fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.serving import free_port
from tests.plugins.rings import ring_of, summary

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("markers", "ring"),
    [
        ([], "pure"),
        (["asyncio", "req"], "pure"),
        (["postgres"], "postgres"),
        (["postgres", "kafka"], "kafka"),
        (["postgres", "faults"], "faults"),
        (["kafka", "browser"], "browser"),
    ],
)
def test_a_test_is_in_the_outermost_ring_of_its_markers(markers: list[str], ring: str) -> None:
    assert ring_of(markers) == ring


def test_each_ring_says_its_tests_its_seconds_and_its_failures() -> None:
    reports = [
        report("a.py::one", "call", "passed", 1.5, "pure"),
        report("a.py::one", "setup", "passed", 0.5, "pure"),
        report("a.py::two", "setup", "failed", 0.25, "postgres"),
        report("a.py::three", "call", "passed", 0.25, "postgres"),
    ]

    assert summary(reports) == ["pure: 1 tests, 2.0 s", "postgres: 2 tests, 0.5 s, 1 failed"]


def test_a_test_that_asks_for_a_database_fails_where_there_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "test_asks.py").write_text(
        "def test_pure(): pass\ndef test_module(database_url): pass\ndef test_alone(fresh_database): pass\n"
    )

    ran = run(tmp_path / "test_asks.py", database=f"postgresql://ann@127.0.0.1:{free_port()}/b")

    assert ran.returncode == 1
    assert "pure: 1 tests" in ran.stdout
    assert "postgres: 2 tests, 0.0 s, 2 failed" in ran.stdout
    assert "skipped" not in ran.stdout


def test_a_ring_can_be_chosen_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "test_asks.py").write_text("def test_pure(): pass\ndef test_module(database_url): pass\n")

    ran = run(tmp_path / "test_asks.py", "-m", "pure")

    assert ran.returncode == 0
    assert "1 passed, 1 deselected" in ran.stdout


def report(test: str, when: str, outcome: str, seconds: float, ring: str) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=test, location=(test, 0, test), keywords={}, outcome=outcome, longrepr=None,  # type: ignore[arg-type]
        when=when, duration=seconds, user_properties=[("ring", ring)],  # type: ignore[arg-type]
    )  # fmt: skip


def run(file: Path, *arguments: str, database: str = "") -> subprocess.CompletedProcess[str]:
    options = [option for name in ("rings", "databases") for option in ("-p", f"tests.plugins.{name}")]
    options += ["-c", "pyproject.toml", "-p", "no:cacheprovider", "-v"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments, str(file)],
        cwd=REPOSITORY, env=os.environ | {"BALLYHOO_DATABASE_URL": database}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
