"""The server under load: the product's tracking beside a raw ASGI no-op, in one process on one loop.

BALLYHOO_BENCH_DATABASE=… python -m tests.bench.app PORT
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uvicorn

from adapters.engagement_log.log import PostgresFactLog
from adapters.seal import AesSeal
from api.tracking import PATHS, make_tracking
from application.ports import Caller
from infra.bootstrap import collect_seldom
from infra.slow_clients import guarded

TOKEN = "bench-key-0123456789abcdefghijklmnopqrstuvwxyz"
OTHER_TOKEN = TOKEN[::-1]
DATABASE = "BALLYHOO_BENCH_DATABASE"

Message = MutableMapping[str, Any]


class TwoKeys:
    """Knows the keys of two workspaces, as the real adapter does after its first look into the database."""

    def __init__(self) -> None:
        self._known = {
            token: Caller(number, UUID(int=number), "key:bench", "owner")
            for number, token in ((1, TOKEN), (2, OTHER_TOKEN))
        }

    def known(self, key: str) -> Caller | None:
        """The caller."""
        return self._known.get(key)

    async def verify(self, key: str) -> Caller | None:
        """Nobody else."""
        return None


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(UTC)


async def no_op(receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
    """What any ASGI function costs that reads a body and answers."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


def main(port: int) -> None:
    """Serve until stopped."""
    facts = PostgresFactLog(os.environ[DATABASE])
    track = make_tracking(TwoKeys(), facts, AesSeal(bytes(32)), SystemClock())

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] == "lifespan.startup":
                await facts.open()
                collect_seldom()
                await send({"type": "lifespan.startup.complete"})
            await facts.close()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["path"] in PATHS:
            await track(scope, receive, send)
        else:
            await no_op(receive, send)

    uvicorn.run(
        app, port=port, loop="uvloop", http=guarded(4_000), ws="none", lifespan="on", log_config=None, access_log=False,
        server_header=False, proxy_headers=False,
    )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]))
