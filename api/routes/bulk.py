"""One move for many campaigns: each its own transaction and its own result."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.commands import Run, bulk
from api.conventions import an_id, caller, parsed, raw_body, services
from application.campaign.move_campaign import MoveCampaign
from application.ports import Context, Recorded
from domain.campaign.moves import Move
from domain.shared.errors import Fault, Invalid

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"])
MOST = 200


@router.post("/bulk", **examples.of("bulk"))
async def move_many(request: Request) -> Response:
    """Ask 1 to 200 campaigns for one move; answers 200 with a result for each, in order. Repeatable by its key."""
    raw, who = await raw_body(request), await caller(request)
    move, ids = _asked(parsed(raw))
    present = partial(services(request).campaigns.resource, who.workspace)
    return await bulk(request, raw, [_run(request, id, move) for id in ids], present)


def _run(request: Request, id: str, move: Move) -> Run:
    async def run(context: Context) -> tuple[Any, Recorded]:
        asked: UUID = an_id(id)
        return await services(request).application.move_campaign(MoveCampaign(asked, move), context)

    return run


def _asked(body: dict[str, Any]) -> tuple[Move, list[str]]:
    faults = [Fault(f"/{name}", "unknown", "Send move and ids.") for name in body if name not in {"move", "ids"}]
    move, ids = body.get("move"), body.get("ids")
    if not isinstance(move, str) or move not in set(Move):
        faults.append(Fault("/move", "choice", f"Send one of: {', '.join(Move)}."))
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST:
        faults.append(Fault("/ids", "length", f"Send 1 to {MOST} ids."))
    else:
        faults += [
            Fault(f"/ids/{n}", "type", "Send a campaign's id.") for n, id in enumerate(ids) if not isinstance(id, str)
        ]
    if faults:
        raise Invalid(faults)
    return Move(str(move)), list(ids or [])
