"""A window's figures twice: as they were first reported, when the window ended, and as they are known now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from fastapi import Request

from api.conventions import one, services
from application.ports import Position
from domain.shared.errors import Fault, Invalid, NotFound
from projections.ports import Read

AS_FIRST_REPORTED = "as_first_reported"

Ask = Callable[[Position | None], Awaitable[Read[Any]]]


def asked_for(request: Request, ends: datetime | None, faults: list[Fault]) -> bool:
    """Whether ``?compare=as_first_reported`` stands there; a fault where it makes no sense."""
    compare = one(request, "compare", faults)
    if compare is None:
        return False
    if compare != AS_FIRST_REPORTED:
        faults.append(Fault("/compare", "choice", f"compare is {AS_FIRST_REPORTED}."))
    if ends is None:
        faults.append(Fault("/to", "required", "What was first reported is what was known at the window's end."))
    if "as_of" in request.query_params:
        faults.append(Fault("/as_of", "with_compare", "compare says of which moments: leave as_of out."))
    return True


async def both(request: Request, ends: datetime, ask: Ask) -> tuple[dict[str, Any], Position]:
    """Both answers, and the position of the one known now. Invalid where the window has not ended; NotFound.

    ``as_first_reported`` is None where the campaign was not there when the window ended.
    """
    at = await services(request).moments.at(ends)
    if at is None:
        raise Invalid([Fault("/to", "future", "The window has not ended: nothing was reported of it yet.")])
    now = await ask(None)
    try:
        first = (await ask(at)).value
    except NotFound:
        first = None
    return {AS_FIRST_REPORTED: first, "as_known_now": now.value}, now.position
