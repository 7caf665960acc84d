"""Where a rebuild of events spends its time: each row does a little more than the one before, in one thread.

    python -m tests.bench.bench_event_stages

``BENCH_EVENTS`` (200,000) gives the size. Of every stage the time that passed and that of the processor, in
microseconds for each event; what passed without the processor was waited for, for the server on the other core.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Any

import psycopg

from adapters.event_store.codec import Codec
from adapters.read_models.rebuild.workers import connection_of_rebuild
from adapters.read_models.schemas import ensure_schemas
from domain.catalogue import EVENTS
from domain.shared.event import Event
from projections.campaign_list import CAMPAIGN_LIST
from tests.bench.filled_events import fill_events
from tests.bench.harness import database, durability

COUNT = int(os.environ.get("BENCH_EVENTS", "200000"))
AT_A_TIME = 200
_ROWS = """
select e.stream, s.id, s.workspace, e.recorded_at, e.version, e.topic, e.state
  from ballyhoo.events e join ballyhoo.streams s using (stream) order by e.stream, e.version
"""

Stored = list[tuple[Any, ...]]


def main() -> None:
    """Fill a log, and print a line for each stage."""
    with database() as url:
        print(f"{durability(url)}, {COUNT:,} events")
        with psycopg.connect(url, autocommit=True) as connection:
            ensure_schemas(connection)
        fill_events(url, COUNT)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("vacuum analyze ballyhoo.events")
        for name, stage in STAGES.items():
            passed, worked = min(_timed(url, stage) for _ in range(3))
            print(f"{name}: {passed:.2f} µs for each event, {worked:.2f} of them the processor's")


def _timed(url: str, stage: Callable[[Stored], object]) -> tuple[float, float]:
    gc.collect()
    gc.disable()
    with connection_of_rebuild(url) as connection:
        began, worked = time.perf_counter(), time.thread_time()
        rows = connection.cursor(binary=True).stream(_ROWS, size=AT_A_TIME)
        for _, own in groupby(rows, itemgetter(0)):
            stage(list(own))
        found = time.perf_counter() - began, time.thread_time() - worked
    gc.enable()
    return found[0] / COUNT * 1e6, found[1] / COUNT * 1e6


def _decoded(stored: Stored) -> list[Event]:
    return [
        decode(topic, state, id=id, version=version, at=at) for _, id, _, at, version, topic, state in stored
    ]


def _folded(stored: Stored) -> Any:
    stream, _, workspace, *_ = stored[0]
    assert CAMPAIGN_LIST.fold_all is not None
    return CAMPAIGN_LIST.fold_all(None, stream, workspace, _decoded(stored))


decode = Codec(EVENTS).decode
STAGES: dict[str, Callable[[Stored], object]] = {
    "read, stream by stream": len,
    "… and decoded": _decoded,
    "… and folded": _folded,
    "… and made columns": lambda stored: CAMPAIGN_LIST.columns(_folded(stored)),
}

if __name__ == "__main__":
    main()
