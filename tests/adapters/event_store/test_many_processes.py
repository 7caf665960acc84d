"""Twenty-four writers in three processes, on both logs at once, and a reader that follows them by position."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.support.event_store import Place, studio

PROCESSES = 3
WRITERS = 8
APPENDS = 10
SAME = (6, 5, 5)
ROOT = Path(__file__).parents[3]

PAGE = {
    "events": b"select position from ballyhoo.events where position > %s order by position limit 1000",
    "facts": b"select position from ballyhoo.facts where position > %s order by position limit 1000",
}
BACKWARDS = {
    "events": "select count(*) from (select recorded_at <= lag(recorded_at) over (order by position) as back "
    "from ballyhoo.events) o where back",
    "facts": "select count(*) from (select recorded_at <= lag(recorded_at) over (order by position) as back "
    "from ballyhoo.facts) o where back",
}


@dataclass
class Told:
    """What the writers were answered, and what a reader saw while they wrote."""

    place: Place
    stream: UUID
    answers: list[dict[str, Any]]
    followed: dict[str, list[int]]

    def acknowledged(self, what: str) -> int:
        """How many of all processes."""
        return sum(answer[what] for answer in self.answers)


@pytest.fixture(scope="module")
def told(database_url: str) -> Told:
    """Everything written once, for all tests of this module."""
    place = Place(database_url)
    campaign, workspace = asyncio.run(_one_campaign(place))
    command = [sys.executable, "-m", "tests.support.writers", place.url, str(workspace), str(campaign)]
    children = [
        subprocess.Popen(
            [*command, str(WRITERS), str(APPENDS), str(same)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for same in SAME
    ]
    followed = _follow(place, children)
    answers = [json.loads(child.communicate()[0]) for child in children]
    return Told(place, campaign, answers, followed)


async def _one_campaign(place: Place) -> tuple[UUID, int]:
    async with studio(place) as one:
        return (await one.drafted()).id, one.caller.workspace


def _follow(place: Place, children: list[subprocess.Popen[str]]) -> dict[str, list[int]]:
    """Read both logs by position, a page at a time, until nobody writes any more."""
    seen: dict[str, list[int]] = {"events": [], "facts": []}
    with psycopg.connect(place.url, autocommit=True) as connection:
        last_round = False
        while True:
            for log, positions in seen.items():
                after = positions[-1] if positions else 0
                positions += [row[0] for row in connection.execute(PAGE[log], (after,))]
            time.sleep(0.001)
            if last_round:
                return seen
            last_round = all(child.poll() is not None for child in children)


@pytest.mark.req("EVT-2", "EVT-3")
def test_a_reader_that_resumes_by_position_loses_nothing(told: Told) -> None:
    for log, first in (("events", 1), ("facts", 0)):
        stored = [row[0] for row in told.place.rows(PAGE[log].decode().replace("limit 1000", ""), 0)]
        assert told.followed[log] == stored
        assert len(stored) >= told.acknowledged(log) + first


@pytest.mark.req("EVT-2")
def test_everything_acknowledged_is_there_and_positions_of_events_have_no_gap(told: Told) -> None:
    ((events, last),) = told.place.rows("select count(*), max(position) from ballyhoo.events")
    ((facts,),) = told.place.rows("select count(*) from ballyhoo.facts")

    assert events == last == 1 + told.acknowledged("events") + sum(SAME) * APPENDS
    assert facts == told.acknowledged("facts") == PROCESSES * WRITERS * sum(1 + n % 3 for n in range(APPENDS))


@pytest.mark.req("EVT-2", "EVT-5")
@pytest.mark.parametrize("log", ["events", "facts"])
def test_recorded_times_rise_strictly_with_positions(told: Told, log: str) -> None:
    backwards = told.place.rows(BACKWARDS[log])

    assert backwards == [(0,)]


@pytest.mark.req("EVT-2")
def test_sixteen_writers_on_one_stream_leave_versions_without_a_gap(told: Told) -> None:
    stored = told.place.rows(
        "select e.version from ballyhoo.events e join ballyhoo.streams s using (stream) where s.id = %s "
        "order by e.position",
        told.stream,
    )
    acknowledged = sorted(version for answer in told.answers for version in answer["versions"])

    assert [row[0] for row in stored] == list(range(1, 2 + sum(SAME) * APPENDS))
    assert acknowledged == list(range(2, 2 + sum(SAME) * APPENDS))
