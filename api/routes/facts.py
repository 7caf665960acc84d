"""The raw facts, as they were sent."""

from __future__ import annotations

import json
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.conventions import a_time, an_id, answer, caller, one, reached, services
from api.paging import page_asked, sealed_cursor
from domain.shared.errors import Fault
from projections.encoding import encode
from projections.facts import FactQuery

router = APIRouter(prefix="/v1", tags=["facts"])
_FILTERS = {"campaign_id", "contact_id", "kind", "from", "to"}


@router.get("/facts", **examples.of("facts"))
async def facts(request: Request) -> Response:
    """Raw facts: those of a campaign by when they happened, others by when they were recorded, latest first."""
    who = await caller(request)
    faults: list[Fault] = []
    starts, ends = a_time(request, "from", faults), a_time(request, "to", faults)
    campaign, contact, kind = (one(request, name, faults) for name in ("campaign_id", "contact_id", "kind"))
    order = "-recorded_at" if campaign is None else "-occurred_at"
    page = page_asked(request, who, "facts", filters=_FILTERS, order=order, faults=faults)
    await reached(request, who, "facts")
    query = FactQuery(
        campaign=None if campaign is None else an_id(campaign), contact=contact, kind=kind, starts=starts, ends=ends,
        limit=page.limit, after=None if page.after is None else _place(page.after),
    )  # fmt: skip
    read = await services(request).reads.facts(who.workspace, query)
    rows = read.value.items
    more = sealed_cursor(request, who, page, _keyset(rows[-1].place)) if read.value.more else None
    body = {"items": [row.item for row in rows], "next": more}
    if read.value.horizon is not None:
        body["horizon"] = read.value.horizon
    return answer(request, who, encode(body), position=read.position)


def _keyset(place: tuple[datetime, int]) -> str:
    return json.dumps([place[0].isoformat(), place[1]])


def _place(keyset: str) -> tuple[datetime, int]:
    at, position = json.loads(keyset)
    return datetime.fromisoformat(at), position
