"""Commands in process: decided, encoded, appended and acknowledged after the commit.

    python -m tests.bench.bench_commands

64 at once against the eventsourcing library's own application and recorder in 64 threads on the same server; and
one writer against bare single-row INSERTs, each a commit, of the same rows into a table with the same indexes on
one connection. Both of ours go through the store as the API does; what a command over HTTP costs besides is another
benchmark. The aggregates are loaded before: each command is the next event of one of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import uvloop
from eventsourcing.application import Application as LibraryApplication
from eventsourcing.domain import Aggregate as LibraryAggregate
from eventsourcing.domain import event
from psycopg.conninfo import conninfo_to_dict
from uuid_utils.compat import uuid7

from domain.campaign.campaign import Campaign
from domain.campaign.words import Status
from tests.bench.harness import SECONDS, Result, Sample, database, durability, interleaved
from tests.examples.campaigns import ALICE, NOON
from tests.support.event_store import CODEC, Place, Studio, studio

WRITERS = 64
INSERT = (
    "insert into bare_events values "
    "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)  # fmt: skip


class LibraryCampaign(LibraryAggregate):
    """The same life in the library's own dialect, with its own codec."""

    @event("Paused")
    def pause(self, by: str) -> None:
        """Rest."""
        self.paused = True

    @event("Resumed")
    def resume(self, by: str) -> None:
        """Go on."""
        self.paused = False


def timed(calls: Callable[[list[float]], Any]) -> Sample:
    """Rate and times of what ``calls`` measures into its list."""
    times: list[float] = []
    began = time.perf_counter()
    calls(times)
    seconds = time.perf_counter() - began
    times.sort()
    return Sample(len(times) / seconds, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000)


class Ours:
    """Campaigns of one workspace, decided on and saved in one process."""

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        self._runner = runner
        self.place = Place(url)
        self._opened = studio(self.place, with_snapshots=False)
        self.studio: Studio = runner.run(self._open())
        self.acknowledged = 0

    def close(self) -> None:
        """Disconnect."""
        self._runner.run(self._opened.__aexit__(None, None, None))

    def at_once(self, writers: int) -> Sample:
        """So many writers for a while, each on a campaign of its own."""
        return timed(lambda times: self._runner.run(self._write(times, writers)))

    def exact(self) -> str:
        """Whether the log holds what was acknowledged, version by version."""
        stored, gaps = self.place.rows(
            "select count(*) from ballyhoo.events union all "
            "select count(*) from ballyhoo.streams s where version <> "
            "(select count(*) from ballyhoo.events e where e.stream = s.stream)"
        )
        acknowledged = self.acknowledged + 2 * WRITERS
        return f"{stored[0] == acknowledged and not gaps[0]}, {acknowledged} acknowledged, {stored[0]} stored"

    async def _open(self) -> Studio:
        opened = await self._opened.__aenter__()
        self._campaigns = [opened.draft() for _ in range(WRITERS)]
        for campaign in self._campaigns:
            campaign.launch(by=ALICE, at=NOON)
            await opened.store.save(campaign, opened.asks())
            campaign.was_loaded()
        return opened

    async def _write(self, times: list[float], writers: int) -> None:
        until = time.perf_counter() + SECONDS
        await asyncio.gather(*[self._keep_writing(one, until, times) for one in self._campaigns[:writers]])
        self.acknowledged += len(times)

    async def _keep_writing(self, campaign: Campaign, until: float, times: list[float]) -> None:
        store, context = self.studio.store, self.studio.asks()
        while (began := time.perf_counter()) < until:
            at = datetime.now(UTC)
            if campaign.status is Status.ACTIVE:
                campaign.pause(by=ALICE, at=at)
            else:
                campaign.resume(by=ALICE, at=at)
            await store.save(campaign, context)
            times.append(time.perf_counter() - began)


class Library:
    """The library's application and recorder, a thread for each writer and a connection for each thread."""

    def __init__(self, url: str) -> None:
        options = conninfo_to_dict(url)
        self._application: LibraryApplication[UUID] = LibraryApplication({
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(options["dbname"]),
            "POSTGRES_HOST": str(options.get("host", "127.0.0.1")),
            "POSTGRES_PORT": str(options.get("port", "5432")),
            "POSTGRES_USER": str(options.get("user", "postgres")),
            "POSTGRES_PASSWORD": str(options.get("password", "")),
            "POSTGRES_POOL_SIZE": str(WRITERS),
        })  # fmt: skip
        self._campaigns = [LibraryCampaign() for _ in range(WRITERS)]
        for campaign in self._campaigns:
            self._application.save(campaign)

    def close(self) -> None:
        """Disconnect."""
        self._application.close()

    def at_once(self, writers: int) -> Sample:
        """So many writers for a while."""
        return timed(lambda times: self._write(times, writers))

    def _write(self, times: list[float], writers: int) -> None:
        until = time.perf_counter() + SECONDS

        def keep_writing(campaign: LibraryCampaign) -> list[float]:
            mine = []
            while (began := time.perf_counter()) < until:
                campaign.pause(by=ALICE)
                self._application.save(campaign)
                mine.append(time.perf_counter() - began)
            return mine

        with ThreadPoolExecutor(writers) as threads:
            for mine in threads.map(keep_writing, self._campaigns[:writers]):
                times += mine


class Bare:
    """Single-row INSERTs, each its own commit, on one connection."""

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        self._runner = runner
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create table bare_events (like ballyhoo.events including all)")
        self._connection = psycopg.connect(url, autocommit=True, prepare_threshold=0)
        self._async: psycopg.AsyncConnection[Any] = runner.run(
            psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=0)
        )
        campaign = Campaign.draft({"name": "x", "type": "ppv", "delivery": "broadcast"}, id=uuid7(), by=ALICE, at=NOON)
        campaign.archive(by=ALICE, at=NOON)
        _, archived = campaign.collect_events()
        self._state = CODEC.encode(archived)  # type: ignore[arg-type]
        self._position = 0

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()
        self._runner.run(self._async.close())

    def inserts(self) -> Sample:
        """One writer without any loop, with the driver's fastest way."""

        def keep_inserting(times: list[float]) -> None:
            until = time.perf_counter() + SECONDS
            while (began := time.perf_counter()) < until:
                self._connection.execute(INSERT, self._row(), binary=True)
                times.append(time.perf_counter() - began)

        return timed(keep_inserting)

    def inserts_on_the_loop(self) -> Sample:
        """One writer on the loop that our commands run on."""

        async def keep_inserting(times: list[float]) -> None:
            until = time.perf_counter() + SECONDS
            while (began := time.perf_counter()) < until:
                await self._async.execute(INSERT, self._row(), binary=True)
                times.append(time.perf_counter() - began)

        return timed(lambda times: self._runner.run(keep_inserting(times)))

    def _row(self) -> tuple[Any, ...]:
        self._position += 1
        at = datetime.now(UTC)
        return (
            self._position, at, at, uuid7(), 1, 1, self._position, 3, None, "campaign.paused", "key:alice", "a-request",
            self._state,
        )  # fmt: skip


def results() -> Iterator[Result]:
    """A row for 64 writers, one for a lone one."""
    with database() as url, database() as theirs, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(durability(url))
        ours, library, bare = Ours(runner, url), Library(theirs), Bare(runner, url)
        for side in (ours.at_once, library.at_once):
            side(4)
        samples, others = interleaved(lambda: ours.at_once(WRITERS), lambda: library.at_once(WRITERS))
        yield Result(
            f"commands, {WRITERS} at once", "the library's recorder", samples, others, "commands/s", ours.exact(), 8, 20
        )
        lone, inserts, on_the_loop = interleaved(lambda: ours.at_once(1), bare.inserts, bare.inserts_on_the_loop)
        same_loop = Result("", "", lone, on_the_loop, "", "").ratio
        yield Result(
            "commands, one writer", "bare INSERT commits", lone, inserts, "commands/s", ours.exact(), 0.5, 0.8,
            [f"against the same INSERTs on the loop {same_loop:.3f}"],
        )  # fmt: skip
        for each in (ours, library, bare):
            each.close()


if __name__ == "__main__":
    for result in results():
        print(result)
