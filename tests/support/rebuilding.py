"""A log for rebuilds: facts and campaigns of all kinds, and the read models that a projector made of them."""

from __future__ import annotations

import asyncio

from adapters.engagement_log.log import PostgresFactLog
from tests.support.oracle import Told
from tests.support.told import Place, tell


def told_now(url: str, places: list[Place], told: list[Told]) -> int:
    """Bring facts into the log; gives its head."""

    async def bring() -> int:
        log = PostgresFactLog(url)
        await log.open()
        try:
            return await tell(log, places, told)
        finally:
            await log.close()

    return asyncio.run(bring())
