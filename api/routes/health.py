"""Whether it lives, whether it can work, and its numbers."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from api import examples
from api.conventions import services

router = APIRouter(tags=["health"])


@router.get("/health/live", **examples.of("live"))
async def live(request: Request) -> Response:
    """This process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/health/ready", **examples.of("ready"))
async def ready(request: Request) -> Response:
    """Every part works; 503 names the one that does not."""
    problems = await services(request).health.ready()
    if problems:
        return JSONResponse({"status": "not ready", "problems": problems}, 503, headers={"Retry-After": "1"})
    return JSONResponse({"status": "ok", "problems": {}})


@router.get("/metrics", response_class=PlainTextResponse, **examples.of("numbers"))
async def metrics(request: Request) -> Response:
    """Numbers for Prometheus; no tenant's names."""
    return Response(await services(request).health.metrics(), media_type="text/plain; version=0.0.4")
