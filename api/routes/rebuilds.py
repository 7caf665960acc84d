"""Read models made anew from history, as jobs."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.commands import named_by_key, once
from api.conventions import answer, caller, encoded, parsed, raw_body, services
from api.jobs import HOME, body_of

router = APIRouter(prefix="/v1", tags=["rebuilds"])


@router.post("/rebuilds", **examples.of("rebuild"))
async def rebuild(request: Request) -> Response:
    """Rebuild the projections named, or all, while the live ones go on answering; with a rule, keep them beside."""
    raw, who = await raw_body(request), await caller(request)

    async def ask() -> Response:
        id = named_by_key(request, who, raw)
        job = await services(request).rebuilding.ask(who, parsed(raw, empty=True), id)
        body, where = encoded(body_of(job)), {"Location": f"{HOME}/{job.id}"}
        return answer(request, who, body, position=await services(request).moments.head(), status=202, headers=where)

    return await once(request, who, raw, ask, made_under=HOME)
