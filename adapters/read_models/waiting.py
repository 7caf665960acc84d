"""Waiting until read models have reached a position: one poller for each process wakes all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from adapters.postgres.pool import Pool
from application.ports import Unavailable
from application.ports_ab_tests import POLICY
from domain.shared.position import Position
from projections.projection import Log, Projection

EVERY = 0.005
"""Seconds between two looks."""


@dataclass(eq=False)
class _Waiter:
    wanted: dict[str, int]
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Waiting:
    """Knows how far the projections are, and the policy; looks only while somebody waits. ``kept`` is the schema of the
    tables that are meant where these are not the live ones."""

    def __init__(self, pool: Pool, projections: Collection[Projection], kept: str | None = None) -> None:
        self._pool = pool
        self._logs: dict[str, Log] = {projection.name: projection.log for projection in projections}
        if kept is None:
            self._logs[POLICY] = "events"
        self._reached = dict.fromkeys(self._logs, 0)
        statements = [
            _REACHED.replace("$name", projection.name).replace("$schema", kept or projection.schema)
            for projection in projections
        ]
        self._statement = " union all ".join([*statements, _FOLLOWED])
        self._waiters: set[_Waiter] = set()
        self._poller: asyncio.Task[None] | None = None

    async def wait_for(self, projections: Collection[str], position: Position, seconds: float) -> bool:
        """Whether all of ``projections`` reach the position of their log within ``seconds``. Unavailable."""
        wanted = {
            name: position.events if self._logs[name] == "events" else position.engagement for name in projections
        }
        if self._has(wanted):
            return True
        await self._look()
        if self._has(wanted):
            return True
        waiter = _Waiter(wanted)
        self._waiters.add(waiter)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            await asyncio.wait_for(waiter.done.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)
        return True

    async def _poll(self) -> None:
        while self._waiters:
            await asyncio.sleep(EVERY)
            try:
                await self._look()
            except Unavailable:
                await asyncio.sleep(0.1)
                continue
            for waiter in tuple(self._waiters):
                if self._has(waiter.wanted):
                    waiter.done.set()

    async def _look(self) -> None:
        self._reached = dict(await self._pool.rows(self._statement))

    def _has(self, wanted: dict[str, int]) -> bool:
        return all(self._reached[name] >= position for name, position in wanted.items())


_FOLLOWED = "select name, position from ballyhoo.policies where name = '$name'".replace("$name", POLICY)
_REACHED = "select '$name', coalesce(min(high), 0) from $schema.checkpoints"
