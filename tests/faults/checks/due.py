"""I4: what was due was done once: launched and completed at its times, or failed where both had passed meanwhile."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta

from tests.faults.checks.seen import Broken, Seen

_EVENTS = """
select s.workspace, s.id::text, e.topic, e.recorded_at
  from ballyhoo.events e join ballyhoo.streams s using (stream)
 where s.kind = 'campaign' and e.actor like 'system%%' order by e.position
"""
_LEFT = "select count(*) from ballyhoo.due_work"
PATIENCE = 30.0
"""Seconds until what is still due must be done: the times of the last schedules, a lease, and a second."""
_ROUNDED = timedelta(milliseconds=1)


def due_is_done_once(seen: Seen) -> list[Broken]:
    """I4."""
    deadline = time.monotonic() + PATIENCE
    while (left := seen.number(_LEFT)) and time.monotonic() < deadline:
        time.sleep(0.2)
    done: dict[tuple[int, str], list[tuple[str, datetime]]] = {}
    for workspace, id, topic, at in seen.rows(_EVENTS):
        done.setdefault((workspace, id), []).append((topic.removeprefix("campaign."), at))
    broken = []
    tally: Counter[str] = Counter()
    for promise in seen.journal.promises:
        found = done.pop((seen.numbers[promise.workspace], promise.campaign), [])
        topics = [topic for topic, _ in found]
        times = dict(found)
        tally[" ".join(topics)] += 1
        on_time = (
            topics == ["launched", "completed"]
            and times["launched"] >= promise.starts_at - _ROUNDED
            and times["completed"] >= promise.ends_at - _ROUNDED
        ) or (topics == ["failed"] and times["failed"] >= promise.ends_at - _ROUNDED)
        if not on_time:
            broken.append(Broken("I4", f"{promise} came to {found}"))
    for what, many in tally.items():
        seen.journal.count(f"due campaigns: {what or 'nothing'}", many)
    if done:
        broken.append(Broken("I4", f"{len(done)} campaigns that nobody scheduled were moved: {min(done)}"))
    if left:
        broken.append(Broken("I4", f"{left} pieces of due work are left"))
    return broken[:5]
