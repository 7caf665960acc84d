"""Campaigns: drafted, changed, moved, and read from their stream."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.commands import command
from api.conventions import (
    an_id,
    answer,
    as_of,
    caller,
    encoded,
    known_only,
    parsed,
    raw_body,
    reached,
    services,
)
from application.campaign.change_campaign import ChangeCampaign
from application.campaign.draft_campaign import DraftCampaign
from application.campaign.duplicate_campaign import DuplicateCampaign
from application.ports import Caller, Position
from domain.shared.errors import Fault, Invalid

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"])
HOME = "/v1/campaigns"


@router.post("", **examples.of("draft"))
async def draft(request: Request) -> Response:
    """Write a new campaign down. An `id` in the body makes the create repeatable."""
    raw, who = await raw_body(request), await caller(request)
    run = partial(services(request).application.draft_campaign, DraftCampaign(parsed(raw)))
    return await command(
        request, raw, run, partial(services(request).campaigns.resource, who.workspace), made_under=HOME
    )


@router.get("/{id}", **examples.of("get"))
async def get(request: Request, id: str) -> Response:
    """One campaign, always as its last event left it; `as_of` a version, a time or a token asks for another moment."""
    who = await caller(request)
    if faults := known_only(request, {"as_of", "after", "wait"}):
        raise Invalid(faults)
    await reached(request, who, "metrics")
    asked = await _asked_moment(request, who, an_id(id))
    head = asked or await services(request).moments.head()
    view = await services(request).campaigns.view(who.workspace, an_id(id), as_of=asked)
    position = replace(head, engagement=view.engagement)
    return answer(request, who, encoded(view.resource), position=position, version=view.version)


async def _asked_moment(request: Request, who: Caller, id: UUID) -> Position | None:
    """The position that ``as_of`` names; None for now. A version is the moment at which it was recorded."""
    asked = request.query_params.get("as_of")
    if asked is None or not (asked.isascii() and asked.isdigit()):
        return await as_of(request, who)
    version = int(asked) if len(asked) <= 18 else 10**18
    at = await services(request).campaigns.recorded_at(who.workspace, id, version)
    if at is None:
        raise Invalid([Fault("/as_of", "future", f"There is no version {asked[:20]} yet.")])
    return await services(request).moments.at(at)


@router.patch("/{id}", **examples.of("patch"))
async def patch(request: Request, id: str) -> Response:
    """Change settings by a merge patch (RFC 7396): null removes, arrays are replaced."""
    raw, who = await raw_body(request), await caller(request)
    wanted, change = parsed(raw), services(request).application.change_campaign
    return await command(
        request, raw, lambda context: change(ChangeCampaign(an_id(id), wanted), context),
        partial(services(request).campaigns.resource, who.workspace),
    )  # fmt: skip


@router.post("/{id}/duplicate", **examples.of("duplicate"))
async def duplicate(request: Request, id: str) -> Response:
    """A new draft with the same settings, changed by a merge patch."""
    raw, who = await raw_body(request), await caller(request)
    wanted, duplicate_it = parsed(raw, empty=True), services(request).application.duplicate_campaign
    return await command(
        request, raw, lambda context: duplicate_it(DuplicateCampaign(an_id(id), wanted), context),
        partial(services(request).campaigns.resource, who.workspace), made_under=HOME,
    )  # fmt: skip


@router.get("/{id}/readiness", **examples.of("readiness"))
async def readiness(request: Request, id: str) -> Response:
    """Every problem at once, each with its mend."""
    who = await caller(request)
    if faults := known_only(request, {"after", "wait"}):
        raise Invalid(faults)
    await reached(request, who, None)
    at, head = services(request).clock.now(), await services(request).moments.head()
    report, version = await services(request).campaigns.readiness(who.workspace, an_id(id), at)
    return answer(request, who, encoded(report), position=head, version=version)
