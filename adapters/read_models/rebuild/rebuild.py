"""A rebuild from its beginning to its end, and the way back.

    fill the shadow schema → catch up → compare with the live tables at one position → swap

Killed anywhere, the same command goes on: what is done stands in the shadow schema until the swap, and the swap is one
transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from psycopg import Connection, sql

from adapters.read_models import folds, schemas
from adapters.read_models.rebuild import planning, units, unpacking
from adapters.read_models.rebuild.catching_up import catch_up, highs
from adapters.read_models.rebuild.comparing import Compared, compare
from adapters.read_models.rebuild.filling import LOG
from adapters.read_models.rebuild.gate import shut
from adapters.read_models.rebuild.lease import RebuildLease
from adapters.read_models.rebuild.places import Place
from adapters.read_models.rebuild.stopping import Cancelled, Poison, RebuildStopped
from adapters.read_models.rebuild.swapping import in_force, swap, wanted
from adapters.read_models.rebuild.workers import Workers, connection_of_rebuild

LOOK_EVERY = 0.1
WORTH_A_PROCESS = 100_000
"""Records that take longer than a further process takes to start."""
MOST_FOR_LIVE = 100_000
"""Positions that a comparison folds into live tables that lag: more, and there is nothing to compare with."""


@dataclass(frozen=True)
class Progress:
    """How far a rebuild is: ``phase`` in words, ``done`` of ``total`` in about records."""

    projection: str
    phase: str
    done: int
    total: int


@dataclass(frozen=True)
class Outcome:
    """What a rebuild came to. ``resumed`` is the share that an earlier start had done; ``compared`` is None after a way
    back, which compares nothing."""

    projection: str
    seconds: float
    records: int
    resumed: float
    compared: Compared | None


Tell = Callable[[Progress], None]
Asked = Callable[[], bool]


class Rebuild:
    """Rebuilds the tables of one place. ``tell`` hears of the progress, ``cancelled`` is asked every now and then."""

    def __init__(
        self,
        dsn: str,
        place: Place,
        *,
        workers: int = 1,
        tell: Tell = lambda progress: None,
        cancelled: Asked = lambda: False,
    ) -> None:
        self._dsn, self._place, self._count = dsn, place, workers
        self._tell, self._cancelled = tell, cancelled
        self._said = Progress(place.projection.name, "begins", 0, 0)

    def run(self) -> Outcome:
        """Rebuild and swap. RebuildStopped with the reason; started again it goes on where it was."""
        began = time.monotonic()
        with self._lease() as lease, connection_of_rebuild(self._dsn) as connection:
            self._lease_held = lease
            unpacking.insist_on_whole_log(connection, self._place)
            folds.prepare(connection, self._place.projection)
            run, found = planning.found_or_begun(connection, self._place)
            planning.plan(connection, self._place, run)
            done, total = units.progress(connection, self._place.shadow)
            resumed = done / total if found and total else 0.0
            self._fill(connection, run)
            self._say("catches up")
            until = wanted(connection, self._place, self._place.shadow)
            catch_up(connection, self._place.projection, self._place.shadow, until, self._look)
            self._say("compares")
            compared = self._compare(connection)
            self._say("swaps")
            swap(connection, self._place, self._place.shadow, self._look, run.run)
        self._say("done")
        return Outcome(self._place.projection.name, time.monotonic() - began, run.high, resumed, compared)

    def back(self) -> Outcome:
        """Bring the former tables up to date and put them in the place of the live ones, which become the former."""
        began = time.monotonic()
        place = self._place
        with self._lease() as lease, connection_of_rebuild(self._dsn) as connection:
            self._lease_held = lease
            if not schemas.exists(connection, place.former):
                raise RebuildStopped(f"There are no former tables of {place.projection.name} to go back to.")
            standing = min(highs(connection, place.former, place.projection.log).values())
            unpacking.insist_on_whole_log(connection, place, since=standing)
            folds.prepare(connection, place.projection)
            self._say("catches up")
            count = catch_up(
                connection, place.projection, place.former, wanted(connection, place, place.former), self._look
            )
            self._say("swaps")
            swap(connection, place, place.former, self._look)
        self._say("done")
        return Outcome(place.projection.name, time.monotonic() - began, count, 0.0, None)

    def stands(self) -> int | None:
        """What the live tables are known by in the database until others take their place; None where there are none.
        """
        with connection_of_rebuild(self._dsn) as connection:
            return schemas.identity(connection, self._place.live)

    def _fill(self, connection: Connection[Any], run: units.Run) -> None:
        def look() -> None:
            self._look()
            done, total = units.progress(connection, self._place.shadow)
            self._tell_of(Progress(self._place.projection.name, "fills", done, total))

        look()
        workers = min(self._count, 1 + self._said.total // WORTH_A_PROCESS)
        log = unpacking.log_of(connection, self._place, LOG)
        Workers(self._dsn, self._place, run, workers, log).watch(look, LOOK_EVERY)
        look()
        planning.filled(connection, self._place, run)
        for table in self._place.projection.tables:
            connection.execute(sql.SQL("analyze {}.{}").format(*map(sql.Identifier, (self._place.shadow, table.name))))

    def _compare(self, connection: Connection[Any]) -> Compared:
        """Both copies in one snapshot, taken while no batch was open and both stood at the same positions."""
        place = self._place
        with connection_of_rebuild(self._dsn) as seeing:
            with shut(connection, place, self._look):
                live = place.live if in_force(connection, place) and self._aligned(connection) else None
                seeing.execute(b"begin isolation level repeatable read read only")
                seeing.execute(b"select 1")
            compared = compare(seeing, place.projection, live, place.shadow)
            seeing.execute(b"commit")
        return compared

    def _aligned(self, connection: Connection[Any]) -> bool:
        """Whether live and rebuilt tables could be brought to the same positions."""
        place, log = self._place, self._place.projection.log
        live, shadow = highs(connection, place.live, log), highs(connection, place.shadow, log)
        if max(shadow[part] - live[part] for part in live) > MOST_FOR_LIVE:
            return False
        try:
            catch_up(connection, place.projection, place.live, shadow)
        except Poison:
            return False
        catch_up(connection, place.projection, place.shadow, highs(connection, place.live, log))
        return True

    def _lease(self) -> RebuildLease:
        return RebuildLease(self._dsn, self._place.name, uuid4())

    def _look(self) -> None:
        if self._lease_held.lost.is_set():
            raise RebuildStopped(f"Another rebuild of {self._place.projection.name} has taken over.")
        if self._cancelled():
            raise Cancelled

    def _say(self, phase: str) -> None:
        self._tell_of(replace(self._said, phase=phase))

    def _tell_of(self, progress: Progress) -> None:
        self._said = progress
        self._tell(progress)
