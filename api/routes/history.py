"""What happened to a campaign, newest first."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.conventions import an_id, answer, caller, encoded, reached, services
from api.paging import page_asked, sealed_cursor
from domain.shared.times import written

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"])


@router.get("/{id}/history", **examples.of("history"))
async def history(request: Request, id: str) -> Response:
    """Every event of the campaign, newest first: in words, by whom, when, and what it changed."""
    who = await caller(request)
    page = page_asked(request, who, f"history:{id}", filters=set(), order="-version")
    await reached(request, who, None)
    head = await services(request).moments.head()
    told: list[dict[str, Any]] = [
        {
            "version": entry.version,
            "event": entry.event,
            "text": entry.text,
            "by": stored.actor,
            "recorded_at": written(stored.recorded_at),
            "correlation": stored.correlation,
            "causation": str(stored.causation) if stored.causation else None,
            "event_id": str(stored.event_id),
            "changes": list(entry.changes),
        }
        for entry, stored in await services(request).campaigns.history(who.workspace, an_id(id))
    ]
    below = json.loads(page.after) if page.after else len(told) + 1
    found = [item for item in reversed(told) if item["version"] < below]
    items = found[: page.limit]
    more = sealed_cursor(request, who, page, json.dumps(items[-1]["version"])) if len(found) > page.limit else None
    return answer(request, who, encoded({"items": items, "next": more}), position=head, version=len(told))
