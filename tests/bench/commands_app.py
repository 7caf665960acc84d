"""The server under load: the product's API beside a FastAPI route that only authenticates, in one process.

    BALLYHOO_BENCH_DATABASE=… python -m tests.bench.commands_app PORT
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from adapters.event_store.workspaces import PostgresKeys
from adapters.postgres.pool import Pool
from api.authentication import caller_of
from infra.bootstrap import build_api
from infra.logging import configure
from infra.settings import Settings
from infra.slow_clients import guarded
from tests.bench.app import DATABASE, Message, no_op

CONSTANT = "/constant"


def constant(keys: PostgresKeys) -> FastAPI:
    """A constant for whoever has a key."""
    app = FastAPI()

    @app.post(CONSTANT)
    async def answer(request: Request) -> dict[str, str]:
        await caller_of(keys, request.headers.get("authorization"))
        return {"status": "active"}

    return app


def main(port: int) -> None:
    """Serve until stopped."""
    dsn = os.environ[DATABASE]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the line of each command is written, but not into the table
    configure("api")
    product = build_api(Settings.model_validate({}), dsn)
    pool = Pool(dsn, role="ballyhoo_engine", size=1)
    plain = constant(PostgresKeys(pool))
    sides: dict[str, Callable[..., Awaitable[Any]]] = {CONSTANT: plain}

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] == "lifespan":
            await pool.open()
            await product(scope, receive, send)
            await pool.close()
        elif scope["path"] == "/no-op":
            await no_op(receive, send)
        else:
            await sides.get(scope["path"], product)(scope, receive, send)

    uvicorn.run(
        app, port=port, loop="uvloop", http=guarded(4_000), ws="none", lifespan="on", log_config=None, access_log=False,
        server_header=False, proxy_headers=False,
    )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]))
