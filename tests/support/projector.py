"""A projector in a thread, for tests that look at what it has written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from adapters.read_models.runner import Runner
from tests.waiting import wait_until

REACHED = (
    "select (select min(high) from campaign_list_v1.checkpoints),"
    " (select min(high) from campaign_metrics_v1.checkpoints)"
)
HEADS = (
    "select (select position from ballyhoo.log_heads where log = 'events'),"
    " (select position from ballyhoo.log_heads where log = 'engagement')"
)


@contextmanager
def projector(url: str, **options: Any) -> Iterator[Runner]:
    """A projector works while the block runs."""
    stop = threading.Event()
    runner = Runner(url, **options)
    thread = threading.Thread(target=runner.run, args=(stop,), name="projector")
    thread.start()
    try:
        yield runner
    finally:
        stop.set()
        thread.join(timeout=30)


def caught_up(url: str, seconds: float = 30.0, *, events: bool = True) -> None:
    """Return when every projection has reached the head of its log, or only those of facts."""
    with psycopg.connect(url, autocommit=True) as connection:
        heads = connection.execute(HEADS).fetchone()
        assert heads is not None

        def reached() -> bool:
            positions = connection.execute(REACHED).fetchone()
            assert positions is not None
            return positions[1] >= heads[1] and (not events or positions[0] >= heads[0])

        wait_until(reached, seconds)
