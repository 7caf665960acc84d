"""The port ``FactLog`` on Postgres: names are interned, rows packed, and the committer appends them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from datetime import datetime

from adapters.engagement_log.committer import Committer
from adapters.engagement_log.interning import Interning
from adapters.engagement_log.packing import Packer
from adapters.engagement_log.queue import FairQueue
from adapters.postgres.pool import Pool
from application.ports_facts import CampaignRef, RecordedFacts
from domain.engagement.fact import Fact

_PAUSE = 0.002
"""Long enough for a lone fact's request, the database and the disk to have a processor on a machine that has few."""


class PostgresFactLog:
    """Implements ``application.ports_facts.FactLog``. ``clock`` stands in for the database's in tests."""

    def __init__(
        self, dsn: str, *, clock: datetime | None = None, queue: FairQueue | None = None, timeout: float = 5.0
    ) -> None:
        self._pool = Pool(dsn, role="ballyhoo_engine", size=2, name="ballyhoo-facts-names")
        self._interning = Interning(self._pool)
        self._queue = FairQueue() if queue is None else queue
        self._packer = Packer(self._interning, self.give_way)
        self._committer = Committer(
            dsn, self._queue, self._packer, saved=self._interning.saved, clock=clock, timeout=timeout
        )

    async def open(self) -> None:
        """Begin connecting. Does not fail where the database is not there yet: it is tried again."""
        await self._pool.open()
        self._committer.begin()

    async def close(self) -> None:
        """Finish what waits, then disconnect."""
        await self._committer.close()
        await self._pool.close()

    def known_campaign(self, workspace: int, id: str) -> CampaignRef | None:
        """A campaign asked for before."""
        return self._interning.campaigns.known.get((workspace, id))

    async def campaigns(self, workspace: int, ids: Collection[str]) -> Mapping[str, CampaignRef]:
        """Those of ``ids`` that are campaigns of the workspace. Unavailable."""
        await self._committer.ready()
        found = await self._interning.campaigns.answer([(workspace, id) for id in ids])
        return {id: campaign for (_, id), campaign in found.items()}

    async def give_way(self, workspace: int) -> None:
        """Let others through; see ``FactLog.give_way``."""
        await asyncio.sleep(_PAUSE if self._queue.few_of_another(workspace) else 0)

    def record(self, workspace: int, facts: Sequence[Fact]) -> Awaitable[RecordedFacts]:
        """Append the facts and answer after the commit. Overloaded, Unavailable."""
        if self._committer.connected and facts:
            share = self._packer.at_once(workspace, facts)
            if share is not None:
                return self._committer.append(share)
        return self._record(workspace, facts)

    async def _record(self, workspace: int, facts: Sequence[Fact]) -> RecordedFacts:
        await self._committer.ready()
        if not facts:
            return RecordedFacts((), {}, self._committer.position)
        return await self._committer.append(await self._packer.share(workspace, facts))
