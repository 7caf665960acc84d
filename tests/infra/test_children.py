"""A child is kept running, later each time, and its death is told."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from infra import children
from infra.children import Child
from tests.waiting import wait_until

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]
FAILS = [sys.executable, "-c", "raise SystemExit(3)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True);time.sleep(60)",
]


@pytest.fixture
def born() -> Iterator[Callable[..., Child]]:
    """Makes children that do not outlive the test."""
    made: list[Child] = []

    def make(*arguments: object, **options: object) -> Child:
        made.append(Child("child", *arguments, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for child in made:
        child.stopped_by(0)


def test_a_child_that_runs_is_left_alone(born: Callable[..., Child]) -> None:
    child = born(SLEEPS)
    child.keep_running()
    first = child.pid

    child.keep_running()

    assert child.pid == first


def test_a_child_that_died_is_told_and_started_again(born: Callable[..., Child]) -> None:
    gone: list[int] = []
    child = born(SLEEPS, gone=gone.append)
    child.keep_running()
    first = child.pid
    assert first is not None

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: child.pid is None)
    child.keep_running()

    assert gone == [first]
    wait_until(lambda: kept(child) not in {first, None})


def test_each_death_is_followed_by_a_longer_wait(born: Callable[..., Child], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "FIRST_WAIT", 0.1)
    gone: list[float] = []
    child = born(FAILS, gone=lambda pid: gone.append(time.monotonic()))

    wait_until(lambda: (kept(child), len(gone))[1] == 4)

    pauses = [later - earlier for earlier, later in pairwise(gone)]
    assert pauses == sorted(pauses)
    assert pauses[2] >= 0.4


def test_a_child_stops_when_it_is_asked(born: Callable[..., Child]) -> None:
    child = born(SLEEPS)
    child.keep_running()

    child.ask_to_stop()

    assert child.stopped_by(time.monotonic() + 10)
    assert child.pid is None


def test_a_deaf_child_is_killed_in_the_end(born: Callable[..., Child], capfd: pytest.CaptureFixture[str]) -> None:
    child = born(DEAF)
    child.keep_running()
    wait_until(lambda: "deaf" in capfd.readouterr().out)

    child.ask_to_stop()

    assert not child.stopped_by(time.monotonic() + 0.3)
    assert child.pid is None


def kept(child: Child) -> int | None:
    """The child's pid after one look at it."""
    child.keep_running()
    return child.pid
