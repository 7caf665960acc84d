"""Read models made anew from history, as jobs."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.conventions import caller, parsed, raw_body, services
from api.jobs import accepted, kept_or

router = APIRouter(prefix="/v1", tags=["rebuilds"])


@router.post("/rebuilds", **examples.of("rebuild"))
async def rebuild(request: Request) -> Response:
    """Rebuild the projections named, or all, while the live ones go on answering; with a rule, keep them beside."""
    raw, who = await raw_body(request), await caller(request)

    async def ask() -> Response:
        return accepted(await services(request).rebuilding.ask(who, parsed(raw, empty=True)))

    return await kept_or(request, who, raw, ask)
