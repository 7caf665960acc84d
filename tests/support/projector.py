"""A projector in a thread, for tests that look at what it has written."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from adapters.read_models.rebuild.catching_up import highs
from adapters.read_models.runner import Runner
from projections.catalogue import CATALOGUE
from projections.projection import Projection
from tests.waiting import wait_until

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


def caught_up(url: str, seconds: float = 30.0, projections: Sequence[Projection] = CATALOGUE) -> None:
    """Return when every one of ``projections`` has reached the head of its log."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(HEADS).fetchone()
        assert row is not None
        heads = dict(zip(("events", "engagement"), row, strict=True))

        def reached() -> bool:
            return all(min(highs(connection, one.schema, one.log).values()) >= heads[one.log] for one in projections)

        wait_until(reached, seconds)
