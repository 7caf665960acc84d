"""The health of a process that answers nothing else over HTTP: a projector, a relay, a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace

from fastapi import FastAPI

from api.routes import health
from api.services import Health


def create_probe(answers: Health, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> FastAPI:
    """``/health/live``, ``/health/ready`` and ``/metrics``, as an api answers them."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await start()
        yield
        await stop()

    app = FastAPI(title="Ballyhoo: health", openapi_url=None, docs_url=None, redoc_url=None, lifespan=life)
    app.state.services = SimpleNamespace(health=answers)
    app.include_router(health.router)
    return app
