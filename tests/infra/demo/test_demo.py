"""``make demo`` from outside: its output whole, its figures equal, nothing left behind."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.demo.customers import SHIPPED
from tests.infra.serving import environment

ROOT = Path(__file__).parents[3]


def a_small_file(folder: Path, *, dearer: bool = False) -> Path:
    """The first 600 customers of the shipped file; ``dearer``: one of them spent a cent more."""
    lines = gzip.decompress(SHIPPED.read_bytes()).decode().split("\r\n")[:601]
    if dearer:
        number = next(number for number, line in enumerate(lines) if line.endswith("1,1,29.99"))
        lines[number] = lines[number].removesuffix("29.99") + "30"
    path = folder / ("dearer.csv" if dearer else "small.csv")
    path.write_text("\n".join(lines))
    return path


def demo(folder: Path, **variables: str) -> subprocess.Popen[str]:
    """The demo, as make starts it; its temporary folders lie in ``folder``."""
    return subprocess.Popen(
        [sys.executable, "-m", "infra.demo"],
        cwd=ROOT,
        env=environment() | {"TMPDIR": str(folder), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def place() -> Iterator[Path]:
    """Where temporary folders go."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        yield Path(folder)


@pytest.mark.postgres
@pytest.mark.req("CAM-1", "ANA-2", "ANA-3", "ANA-4")
def test_the_figures_of_any_file_are_those_counted_by_hand(place: Path) -> None:
    small = demo(place, FILE=str(a_small_file(place)))
    before, said = small.communicate(timeout=100)
    assert small.returncode == 0, said
    dearer = demo(place, FILE=str(a_small_file(place, dearer=True)))
    after, said = dearer.communicate(timeout=100)
    assert dearer.returncode == 0, said

    assert "34 of 34 figures are equal." in before
    assert "The A/B test says not_yet" in before
    assert "…" not in before
    revenues = [
        [float(amount) for amount in re.findall(r"campaign +revenue +(\d+\.\d\d) +\d+\.\d\d +equal", output)]
        for output in (before, after)
    ]
    assert revenues[1][0] - revenues[0][0] == pytest.approx(0.01)
    assert not list(place.glob("ballyhoo-demo-*"))


@pytest.mark.postgres
def test_a_demo_that_is_told_to_stop_leaves_neither_folder_nor_process(place: Path) -> None:
    running = demo(place)
    deadline = time.monotonic() + 30
    while not (address := next(place.glob("ballyhoo-demo-*/data/address"), None)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    folder = str(address.parent)

    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)

    assert running.returncode == 143
    assert not list(place.glob("ballyhoo-demo-*"))
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and folder in _command(pid)]


def test_a_file_of_another_shape_is_one_sentence(place: Path) -> None:
    path = place / "other.csv"
    path.write_text("a,b\n1,2\n")

    running = demo(place, FILE=str(path))
    _, said = running.communicate(timeout=30)

    assert running.returncode == 2
    assert said.startswith("demo: ")
    assert "Traceback" not in said


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
