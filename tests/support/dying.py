"""The product with places where it dies or stops on purpose: ``python -m tests.support.dying api …``.

An api process kills itself where a request carries ``X-Die``: ``before-reply`` (decided and committed, not
yet answered) or ``before-work`` (read, nothing done). A worker with ``STOP_AFTER_CLAIM`` in its environment
stops itself (SIGSTOP) when it has claimed something, once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from datetime import datetime
from unittest.mock import patch

from adapters.event_store.due_work import PostgresDueWork
from application.ports import Claimed
from infra import bootstrap, cli
from infra.settings import Settings

PROGRAM = ("tests.support.dying",)
HEADER = "X-Die"
STOP_AFTER_CLAIM = "STOP_AFTER_CLAIM"

ASGIApp = bootstrap.ASGIApp


def dying(build: Callable[[Settings, str], ASGIApp]) -> Callable[[Settings, str], ASGIApp]:
    """The same application, dying where a request asks for it."""

    def built(settings: Settings, dsn: str) -> ASGIApp:
        app = build(settings, dsn)

        async def mortal(scope: bootstrap.Scope, receive: bootstrap.Receive, send: bootstrap.Send) -> None:
            where = dict(scope.get("headers", [])).get(HEADER.lower().encode())

            async def last_breath(message: dict[str, object]) -> None:
                if message["type"] == "http.response.start":
                    os.kill(os.getpid(), signal.SIGKILL)
                await send(message)

            if where == b"before-work":
                os.kill(os.getpid(), signal.SIGKILL)
            await app(scope, receive, last_breath if where == b"before-reply" else send)  # type: ignore[arg-type]

        return mortal

    return built


def stopping(
    claim: Callable[[PostgresDueWork, int, datetime | None], Awaitable[list[Claimed]]],
) -> Callable[..., Awaitable[list[Claimed]]]:
    """The same claim, after which the process sleeps until somebody wakes it."""
    slept = False

    async def claimed(self: PostgresDueWork, most: int, now: datetime | None = None) -> list[Claimed]:
        nonlocal slept
        found = await claim(self, most, now)
        if found and not slept:
            slept = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return found

    return claimed


if __name__ == "__main__":
    claim = stopping(PostgresDueWork.claim) if os.environ.get(STOP_AFTER_CLAIM) else PostgresDueWork.claim
    with (
        patch.object(bootstrap, "build_api", dying(bootstrap.build_api)),
        patch.object(PostgresDueWork, "claim", claim),
    ):
        cli.main()
