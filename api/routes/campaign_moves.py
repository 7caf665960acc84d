"""The moves of campaigns: schedule … unarchive, delete and restore."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.commands import command
from api.conventions import an_id, caller, parsed, raw_body, services
from application.campaign.move_campaign import MoveCampaign
from domain.campaign.moves import Move

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"])


@router.delete("/{id}", **examples.of("delete"))
async def delete(request: Request, id: str) -> Response:
    """Delete softly: it still answers GET, and can be restored."""
    return await _move(request, id, Move.DELETE)


async def _move(request: Request, id: str, move: Move) -> Response:
    raw, who = await raw_body(request), await caller(request)
    details, move_it = parsed(raw, empty=True), services(request).application.move_campaign
    return await command(
        request, raw, lambda context: move_it(MoveCampaign(an_id(id), move, details), context),
        partial(services(request).campaigns.resource, who.workspace),
    )  # fmt: skip


def _add_move(move: Move, sentence: str) -> None:
    async def route(request: Request, id: str) -> Response:
        return await _move(request, id, move)

    route.__doc__ = sentence
    router.add_api_route(f"/{{id}}/{move}", route, methods=["POST"], name=str(move), **examples.of(str(move)))


for _name, _sentence in {
    Move.SCHEDULE: "Wait for a start; what is absent in the body stays as it is.",
    Move.UNSCHEDULE: "Be a draft again; the schedule is kept.",
    Move.LAUNCH: "Begin now, if ready: the report is stored with the launch, or answered with 409.",
    Move.PAUSE: "Rest.",
    Move.RESUME: "Go on.",
    Move.COMPLETE: "End now; the final metrics are stored with their position.",
    Move.CANCEL: "Give up.",
    Move.ARCHIVE: "Put away.",
    Move.UNARCHIVE: "Take back to the status before the archive.",
    Move.RESTORE: "Be as before the deletion.",
}.items():
    _add_move(_name, _sentence)
