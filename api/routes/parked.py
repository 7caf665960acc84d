"""What a read model was made without, and taking it in after a mend."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.commands import once
from api.conventions import answer, caller, encoded, parsed, raw_body, reached, services
from api.paging import page_asked, sealed_cursor
from application.ports_parked import Parked
from application.rebuilding import insist_on_owner
from domain.shared.errors import Invalid, NotFound
from domain.shared.reading import document
from domain.shared.times import written

router = APIRouter(prefix="/v1/parked", tags=["projections"])


@router.get("", **examples.of("parked"))
async def parked(request: Request) -> Response:
    """The records that were put aside because they could not be folded, the oldest first, each with its reason."""
    who = await caller(request)
    page = page_asked(request, who, "parked", filters=set(), order="parked_at")
    await reached(request, who, "projections")
    read = await services(request).reads.projections(who.workspace)
    after = None if page.after is None else int(page.after)
    rows, more = await services(request).parked.page(who.workspace, page.limit, after)
    cursor = sealed_cursor(request, who, page, str(rows[-1].id)) if more else None
    body = encoded({"items": [_item(row) for row in rows], "next": cursor})
    return answer(request, who, body, position=read.position)


@router.post("/{id}/replay", **examples.of("replay"))
async def replay(request: Request, id: str) -> Response:
    """Take a record in after a mend, with all that are parked of its aggregate, in their order. Owners only."""
    raw, who = await raw_body(request), await caller(request)
    insist_on_owner(who)
    place = document(parsed(raw, empty=True))
    place.fields(())
    if place.faults:
        raise Invalid(place.faults)

    async def ask() -> Response:
        if not (id.isascii() and id.isdigit() and len(id) <= 18):
            raise NotFound(f"Nothing is parked under {id[:64]!r} in this workspace.")
        count = await services(request).parked.replay(who.workspace, int(id))
        return answer(request, who, encoded({"replayed": count}), position=await services(request).moments.head())

    return await once(request, who, raw, ask)


def _item(row: Parked) -> dict[str, object]:
    return {
        "id": str(row.id), "projection": row.projection, "log": row.log, "event": row.event,
        "aggregate_id": None if row.aggregate is None else str(row.aggregate), "fact_id": row.fact,
        "reason": row.reason, "parked_at": written(row.parked_at),
    }  # fmt: skip
