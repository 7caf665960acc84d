"""Which campaigns are there."""

from __future__ import annotations

import json
from enum import StrEnum
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.conventions import a_time, answer, caller, encoded, one, reached, services
from api.paging import page_asked, sealed_cursor
from domain.campaign.words import CampaignType, Platform, Status
from domain.shared.errors import Fault
from projections.campaign_query import NEWEST_FIRST, CampaignQuery

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"])
_FILTERS = {"status", "type", "platform", "tag", "text", "created_from", "created_to", "deleted", "sort"}


@router.get("", **examples.of("list"))
async def campaigns(request: Request) -> Response:
    """Campaigns by filter, the newest first; archived and deleted ones only when asked for."""
    who = await caller(request)
    faults: list[Fault] = []
    kind, platform, tag, text, deleted, sort = (
        one(request, name, faults) for name in ("type", "platform", "tag", "text", "deleted", "sort")
    )
    statuses = tuple(request.query_params.getlist("status"))
    for status in statuses:
        _choose("status", status, Status, faults)
    _choose("type", kind, CampaignType, faults)
    _choose("platform", platform, Platform, faults)
    if deleted not in (None, "true", "false"):
        faults.append(Fault("/deleted", "choice", "deleted is true or false."))
    created_from, created_to = a_time(request, "created_from", faults), a_time(request, "created_to", faults)
    page = page_asked(request, who, "campaigns", filters=_FILTERS, faults=faults)
    await reached(request, who, "campaigns")
    query = CampaignQuery(
        statuses=statuses, type=kind, platform=platform, tag=tag, text=text, created_from=created_from,
        created_to=created_to, deleted=deleted == "true", sort=sort or NEWEST_FIRST, limit=page.limit,
        after=None if page.after is None else _place(page.after),
    )  # fmt: skip
    read = await services(request).reads.campaigns(who.workspace, query)
    items = read.value.items
    more = sealed_cursor(request, who, page, _keyset(items[-1].place)) if read.value.more else None
    resources = [services(request).campaigns.sealed(who.workspace, item.resource) for item in items]
    return answer(request, who, encoded({"items": resources, "next": more}), position=read.position)


def _choose(name: str, value: str | None, choices: type[StrEnum], faults: list[Fault]) -> None:
    if value is not None and value not in set(choices):
        faults.append(Fault(f"/{name}", "choice", f"{name} is one of: {', '.join(choices)}."))


def _keyset(place: tuple[str, UUID]) -> str:
    return json.dumps([place[0], str(place[1])])


def _place(keyset: str) -> tuple[str, UUID]:
    value, id = json.loads(keyset)
    return value, UUID(id)
