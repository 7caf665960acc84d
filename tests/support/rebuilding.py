"""Rebuilds for tests: a log with facts of all kinds, what a projector made of it, and a process that dies on purpose.

    python -m tests.support.rebuilding URL PROJECTION WHERE

rebuilds in a process of its own that kills itself: ``half`` when half of the units are done, ``swap`` after the first
of the swap's renames, ``renamed`` after the last, ``committed`` right after the swap.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import psycopg

from adapters.engagement_log.log import PostgresFactLog
from adapters.read_models.rebuild import places, planning, rebuild, swapping, units
from adapters.read_models.rebuild.comparing import compare
from adapters.read_models.rebuild.places import live
from adapters.read_models.rebuild.rebuild import Outcome, Rebuild
from adapters.read_models.schemas import ensure_schemas
from projections.catalogue import CATALOGUE
from projections.projection import Projection
from tests.support.oracle import Told
from tests.support.projector import caught_up, projector
from tests.support.told import Place, forty_days, make_campaigns, tell


def named(name: str) -> Projection:
    """A projection of the catalogue."""
    return next(projection for projection in CATALOGUE if projection.name == name)


def told_now(url: str, places: Sequence[Place], told: Sequence[Told]) -> int:
    """Bring facts into the log; gives its head."""

    async def bring() -> int:
        log = PostgresFactLog(url)
        await log.open()
        try:
            return await tell(log, places, told)
        finally:
            await log.close()

    return asyncio.run(bring())


def filled(url: str, seed: int, count: int) -> tuple[list[Place], list[Told]]:
    """Forty days of facts in a fresh database, folded by a projector."""
    with psycopg.connect(url, autocommit=True) as connection:
        ensure_schemas(connection)
    places = make_campaigns(url, [["USD", "USD"], ["JPY"]])
    told = forty_days(seed, places, count)
    told_now(url, places, told)
    fold(url)
    return places, told


def fold(url: str) -> None:
    """Let a projector catch up, and stop it."""
    with projector(url):
        caught_up(url, 60)


def rebuilt(url: str, projection: Projection, **options: Any) -> Outcome:
    """A rebuild of the live tables."""
    return Rebuild(url, live(projection), **options).run()


def one(url: str, statement: str, parameters: Any = None) -> Any:
    """The first column of the first row."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(statement.encode(), parameters).fetchone()
        return None if found is None else found[0]


def checksum(url: str, projection: Projection, schema: str) -> str:
    """What the tables of a schema hold, as a rebuild tells it."""
    with psycopg.connect(url) as connection:
        return compare(connection, projection, None, schema).rebuilt


def dying(url: str, projection: str, where: str) -> int:
    """Run the process that dies; gives its status."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.rebuilding", url, projection, where], timeout=120, check=False
    ).returncode


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _main(url: str, name: str, where: str) -> None:
    renames = 0

    def claim(connection: Any, run: Any) -> Any:
        done, total = units.progress(connection, live(named(name)).shadow)
        if where == "half" and done * 2 >= total:
            _die()
        return honest_claim(connection, run)

    def rename(connection: Any, schema: str, target: str) -> None:
        nonlocal renames
        honest(connection, schema, target)
        renames += 1
        if (where, renames) in (("swap", 1), ("renamed", 3)):
            _die()

    def swap(*asked: Any) -> None:
        honest_swap(*asked)
        if where == "committed":
            _die()

    honest, honest_claim, honest_swap = places.rename, units.claim, swapping.swap
    with (
        patch.object(planning, "RANGE", 200),
        patch.object(swapping, "rename", rename),
        patch.object(units, "claim", claim),
        patch.object(rebuild, "swap", swap),
    ):
        Rebuild(url, live(named(name))).run()


if __name__ == "__main__":
    _main(*sys.argv[1:])
