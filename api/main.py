"""The whole face: facts by their own function in front, everything else by FastAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from time import perf_counter
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api import documentation, errors, tracking
from api.request_id import HEADER, request_id
from api.routes import CATALOGUE
from api.services import Services
from application.ports import Overloaded, PreconditionFailed, Unavailable
from domain.shared.errors import DomainError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

REFUSALS = (DomainError, errors.Refused, PreconditionFailed, Overloaded, Unavailable)

log = structlog.get_logger("api")


def create_api(services: Services, assets: Path, lifespan: Lifespan | None = None) -> FastAPI:
    """The commands and queries, without the facts."""
    app = FastAPI(
        title="Ballyhoo",
        version="1",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.services = services
    for router in CATALOGUE:
        app.include_router(router)
    documentation.mount(app, assets)
    for refusal in REFUSALS:
        app.add_exception_handler(refusal, errors.refusal)
    app.add_exception_handler(HTTPException, errors.http_exception)
    app.add_exception_handler(ClientDisconnect, errors.gone)
    app.add_exception_handler(Exception, errors.fault_of_ours)
    return app


def create_app(services: Services, track: ASGIApp, assets: Path, lifespan: Lifespan | None = None) -> ASGIApp:
    """Everything that one api process answers; ``assets`` holds what /docs needs."""
    fastapi = create_api(services, assets, lifespan)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await fastapi(scope, receive, send)
        elif scope["path"] in tracking.PATHS:
            await track(scope, receive, send)
        else:
            await logged(fastapi, scope, receive, send)

    return app


async def logged(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Give the request its id (the client's own where it has a decent one) and log what became of it."""
    own = request_id(dict(scope["headers"]).get(HEADER))
    scope.setdefault("state", {})["request_id"] = own
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=own)
    started = perf_counter()
    status = 0

    async def answered(message: MutableMapping[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            message["headers"] = [*message["headers"], (HEADER, own.encode())]
        await send(message)

    try:
        await app(scope, receive, answered)
    finally:
        log.info(
            "request", method=scope["method"], path=scope["path"], status=status,
            milliseconds=round((perf_counter() - started) * 1000, 2),
        )  # fmt: skip
