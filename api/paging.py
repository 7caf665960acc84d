"""Lists: limit, cursor, sort and filters. A cursor is sealed with its workspace, route, filters and sort."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from fastapi import Request

from api.conventions import known_only, named, one, services
from application.ports import Caller
from domain.shared.errors import Fault, Invalid

DEFAULT, MOST = 50, 200
COMMON = {"limit", "cursor", "after", "wait"}


@dataclass(frozen=True)
class Page:
    """What was asked of a list: ``after`` is the keyset that the cursor carried, None on the first page."""

    limit: int
    after: str | None
    purpose: str


def page_asked(
    request: Request, who: Caller, route: str, *, filters: set[str], order: str | None = None,
    faults: list[Fault] | None = None,
) -> Page:  # fmt: skip
    """Read limit and cursor; ``filters`` are the further parameters that the route knows. Invalid, all at once.

    ``order`` is what ``sort`` may say where a list has one order only; where it has several, ``sort`` is a filter.
    """
    found = list(faults or []) + known_only(request, COMMON | filters | ({"sort"} if order else set()))
    if order and one(request, "sort", found) not in (None, order):
        found.append(Fault("/sort", "choice", f"sort is {order}: this list has no other order."))
    limit = _limit(request, found)
    purpose = f"cursor:{route}:{_digest(request, filters)}"
    cursor = one(request, "cursor", found)
    if found:
        raise Invalid(found)
    if cursor is None:
        return Page(limit, None, purpose)
    with named("cursor"):
        return Page(limit, services(request).seal.unseal_text(who.workspace, purpose, cursor).decode(), purpose)


def sealed_cursor(request: Request, who: Caller, page: Page, keyset: str) -> str:
    """The cursor behind the last item of a page."""
    return services(request).seal.seal_text(who.workspace, page.purpose, keyset.encode())


def _limit(request: Request, faults: list[Fault]) -> int:
    text = one(request, "limit", faults)
    if text is None:
        return DEFAULT
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST):
        faults.append(Fault("/limit", "range", f"limit is a whole number from 1 to {MOST}."))
        return DEFAULT
    return int(text)


def _digest(request: Request, filters: set[str]) -> str:
    asked = sorted((name, value) for name, value in request.query_params.multi_items() if name in filters)
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]
