"""How far the read models are, and under which rules they stand."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.conventions import answer, caller, known_only, reached, services
from domain.shared.errors import Invalid
from projections.encoding import encode

router = APIRouter(prefix="/v1", tags=["projections"])


@router.get("/projections", **examples.of("projections"))
async def projections(request: Request) -> Response:
    """Each projection with its source, its position, and how far it is behind."""
    who = await caller(request)
    if faults := known_only(request, {"after", "wait"}):
        raise Invalid(faults)
    await reached(request, who, None)
    read = await services(request).reads.projections(who.workspace)
    return answer(request, who, encode({"items": read.value}), position=read.position)


@router.get("/rules", **examples.of("rules"))
async def rules(request: Request) -> Response:
    """The rules that a read may be asked under, and which of them is live."""
    who = await caller(request)
    if faults := known_only(request, {"after", "wait"}):
        raise Invalid(faults)
    await reached(request, who, None)
    found = await services(request).reads.rules()
    return answer(request, who, encode({"items": found}), position=await services(request).moments.head())
