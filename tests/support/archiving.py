"""Three months of facts and the present, all answers about them, and a process that dies while it archives.

    python -m tests.support.archiving URL FOLDER WHERE

archives in a process that kills itself: ``half`` when half of the first file is written, ``file`` when the file is
whole, ``row`` when the row of the catalogue is written and not committed, ``next`` when the first partition is through.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import psycopg

from adapters.archive import archiving, file, writing
from adapters.archive.archiving import Outcome, Progress, archive
from adapters.engagement_log.log import PostgresFactLog
from adapters.event_store.moments import PostgresMoments
from adapters.event_store.outbox import Outbox
from adapters.postgres.pool import Pool
from adapters.read_models.reader import PostgresReads
from adapters.read_models.schemas import ensure_schemas
from domain.shared.position import Position
from projections.ab_evidence.question import EvidenceQuestion
from projections.facts import FactQuery
from tests.support.likeness import differences, plain
from tests.support.oracle import Oracle, Told
from tests.support.rebuilding import fold, one
from tests.support.told import Place, forty_days, make_campaigns, tell

SPRING = datetime(2026, 4, 1, tzinfo=UTC)
MONTHS = tuple(datetime(2026, month, 15, 10, tzinfo=UTC) for month in (1, 2, 3))
FACTS = 90
"""Facts of a block in these tests, so that there are many."""

T = TypeVar("T")


@dataclass
class Past:
    """A log whose facts were told in three months and now."""

    url: str
    folder: Path
    places: list[Place]
    told: list[Told] = field(default_factory=list)

    def tell(self, told: Sequence[Told], at: datetime | None = None) -> int:
        """Bring facts into the log, by a clock that stands at ``at``; gives its head."""

        async def bring() -> int:
            log = PostgresFactLog(self.url, clock=at)
            await log.open()
            try:
                return await tell(log, self.places, told)
            finally:
                await log.close()

        self.told += told
        return asyncio.run(bring())

    def archive(
        self, before: datetime = SPRING, tell: Callable[[Progress], None] = lambda progress: None
    ) -> Outcome:
        """Archive in small blocks."""
        with patch.object(writing, "FACTS", FACTS):
            return archive(self.url, self.folder, before, tell)

    def asked(self, question: Callable[[PostgresReads, PostgresMoments], Awaitable[T]]) -> T:
        """What a question of the read side is answered."""

        async def asking() -> T:
            pool = Pool(self.url)
            await pool.open()
            epoch = one(self.url, "select epoch from ballyhoo.epochs order by began_at desc limit 1")
            try:
                return await question(PostgresReads(pool, lambda: epoch), PostgresMoments(pool, lambda: epoch))
            finally:
                await pool.close()

        return asyncio.run(asking())

    def is_exact(self) -> bool:
        """Whether the metrics of every campaign are the oracle's, in total and in a window that cuts everything."""
        words = one(self.url, "select words from ballyhoo.bot_rules where live")
        starts, ends = datetime(2026, 10, 5, 7, 3, 11, tzinfo=UTC), datetime(2026, 11, 2, 4, 44, 59, tzinfo=UTC)

        async def ask(reads: PostgresReads, moments: PostgresMoments) -> None:
            for place in self.places:
                oracle = Oracle(self.told, place.workspace, str(place.id), currency=place.currency, words=words)
                for group_by, window in (((), (None, None)), (("variant",), (None, None)), (("day",), (starts, ends))):
                    read = await reads.metrics(
                        place.workspace, place.id, group_by=group_by, starts=window[0], ends=window[1]
                    )
                    answer = plain(read.value)
                    del answer["computed"]
                    assert differences(answer, oracle.metrics(group_by, *window)) == []

        self.asked(ask)
        return True

    def answers(self) -> dict[str, Any]:
        """Every answer that reads the log: windows, past moments, pages of facts, positions of times, the outbox."""
        head = one(self.url, "select position from ballyhoo.log_heads where log = 'engagement'")

        async def ask(reads: PostgresReads, moments: PostgresMoments) -> dict[str, Any]:
            said: dict[str, Any] = {}
            for place in self.places:
                said |= {f"{place.stream} {name}": answer for name, answer in (await _of(reads, place, head)).items()}
            for workspace in {place.workspace for place in self.places}:
                said[f"facts of {workspace}"] = await _pages(reads, workspace, FactQuery(limit=150))
                said[f"voids of {workspace}"] = await _pages(reads, workspace, FactQuery(limit=30, kind="void"))
                said[f"of one of {workspace}"] = await _pages(
                    reads, workspace, FactQuery(limit=2, contact=f"contact-{workspace}")
                )
            for month in (datetime(2026, 1, 1, tzinfo=UTC), *MONTHS, SPRING):
                for microseconds in (0, 1, 77, 201, 10**6):
                    at = month + timedelta(microseconds=microseconds)
                    found = await moments.at(at)
                    # Repeated facts leave gaps, whose positions all mean the same.
                    said[f"facts until {at}"] = found and bisect_right(positions, found.engagement)
            return said

        sent = self.sent()
        positions = sorted(position for part in sent for rows in part.values() for position, _ in rows)
        return self.asked(ask) | {"sent": sent}

    def sent(self) -> list[dict[int, list[tuple[int, bytes]]]]:
        """The whole log as the relay reads it, in pieces."""
        head = one(self.url, "select position from ballyhoo.log_heads where log = 'engagement'")
        with Outbox(self.url) as outbox:
            return [outbox.facts(after, min(after + 333, head)) for after in range(0, head, 333)]


async def _of(reads: PostgresReads, place: Place, head: int) -> dict[str, Any]:
    epoch = (await reads.metrics(place.workspace, place.id)).position.epoch
    who = (place.workspace, place.id)
    begin = datetime(2026, 10, 1, tzinfo=UTC)
    said: dict[str, Any] = {}
    for days in (0.003, 5.1, 33.3):
        window: Any = {"starts": begin + timedelta(days=days), "ends": begin + timedelta(days=2.5 * days + 0.01)}
        for group_by in ((), ("variant",), ("device", "day")):
            said[f"{days} {group_by}"] = plain((await reads.metrics(*who, group_by=group_by, **window)).value)
    said["days"] = plain((await reads.metrics(*who, group_by=("day",), time_zone="Asia/Kathmandu")).value)
    events = (await reads.metrics(*who)).position.events
    for share in (0.0, 0.4, 1.0):
        at = Position(epoch, events, int(share * head))
        said[f"as of {share}"] = plain((await reads.metrics(*who, group_by=("variant",), as_of=at)).value)
        said[f"window as of {share}"] = plain(
            (await reads.metrics(*who, starts=begin + timedelta(days=1.234), as_of=at)).value
        )
        said[f"roi as of {share}"] = plain((await reads.roi(*who, as_of=at)).value)
        evidence = await reads.evidence(*who, EvidenceQuestion(("mens", "womens")), as_of=at)
        said[f"evidence as of {share}"] = evidence.value
        stages = ("impression", "search", "click", "conversion")
        said[f"funnel as of {share}"] = plain((await reads.funnel(*who, stages, as_of=at)).value)
    said["facts"] = await _pages(reads, place.workspace, FactQuery(campaign=place.id, limit=120))
    said["some facts"] = await _pages(
        reads, place.workspace, FactQuery(campaign=place.id, starts=begin + timedelta(days=3), limit=20, kind="open")
    )
    return said


async def _pages(reads: PostgresReads, workspace: int, query: FactQuery) -> list[Any]:
    found: list[Any] = []
    while True:
        page = (await reads.facts(workspace, query)).value
        found += [plain(row.item) for row in page.items]
        if not page.more:
            return found
        query = replace(query, after=page.items[-1].place)


def past(url: str, folder: Path, seed: int, count: int) -> Past:
    """Facts of all kinds told in three months and now, folded."""
    with psycopg.connect(url, autocommit=True) as connection:
        ensure_schemas(connection)
    made = Past(url, folder, make_campaigns(url, [["USD", "USD"], ["JPY"]]))
    told = forty_days(seed, made.places, count)
    for number, at in enumerate((*MONTHS, None)):
        made.tell(told[number * len(told) // 4 : (number + 1) * len(told) // 4], at)
    fold(url)
    return made


def dying(url: str, folder: Path, where: str) -> int:
    """Run the process that dies; gives its status."""
    command = [sys.executable, "-m", "tests.support.archiving", url, str(folder), where]
    return subprocess.run(command, timeout=120, check=False).returncode


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _main(url: str, folder: str, where: str) -> None:
    place = {"half": (file.Writing, "block"), "file": (archiving, "exclusively"), "row": (archiving, "_drop")}
    wrapped = {"half": 2, "file": 1, "row": 1}
    calls = 0

    def tell(progress: Progress) -> None:
        if where == "next" and progress.partition.endswith("02"):
            _die()

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == wrapped[where]:
            _die()
        return honest(*arguments, **named)

    with patch.object(writing, "FACTS", 9):
        if where == "next":
            archive(url, Path(folder), SPRING, tell)
            return
        owner, name = place[where]
        honest = getattr(owner, name)
        with patch.object(owner, name, counted):
            archive(url, Path(folder), SPRING, tell)


if __name__ == "__main__":
    _main(*sys.argv[1:])
