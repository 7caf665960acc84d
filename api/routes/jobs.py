"""Long work, watched."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.commands import once
from api.conventions import an_id, answer, caller, encoded, known_only, parsed, raw_body, reached, services
from api.jobs import body_of
from domain.shared.errors import Invalid
from domain.shared.reading import document

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.get("/{id}", **examples.of("job"))
async def job(request: Request, id: str) -> Response:
    """How far a job is, and what came of it."""
    who = await caller(request)
    if faults := known_only(request, {"after", "wait"}):
        raise Invalid(faults)
    await reached(request, who, None)
    head = await services(request).moments.head()
    found = await services(request).rebuilding.job(who, an_id(id, "job"))
    return answer(request, who, encoded(body_of(found)), position=head)


@router.post("/{id}/cancel", **examples.of("cancel_job"))
async def cancel(request: Request, id: str) -> Response:
    """Ask for its end: at once where it is queued, at its next look where it runs."""
    raw, who = await raw_body(request), await caller(request)
    place = document(parsed(raw, empty=True))
    place.fields(())
    if place.faults:
        raise Invalid(place.faults)

    async def ask() -> Response:
        found = await services(request).rebuilding.cancel(who, an_id(id, "job"))
        return answer(request, who, encoded(body_of(found)), position=await services(request).moments.head())

    return await once(request, who, raw, ask)
