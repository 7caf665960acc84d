"""How far the read models are, and under which rules they stand."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples
from api.commands import once
from api.conventions import answer, caller, encoded, known_only, parsed, raw_body, reached, services
from api.paging import page_asked, sealed_cursor
from domain.shared.errors import Invalid
from projections.encoding import encode

router = APIRouter(prefix="/v1", tags=["projections"])


@router.get("/projections", **examples.of("projections"))
async def projections(request: Request) -> Response:
    """Each projection with its source, its position, and how far it is behind."""
    who = await caller(request)
    if faults := known_only(request, {"after", "wait"}):
        raise Invalid(faults)
    await reached(request, who, "projections")
    read = await services(request).reads.projections(who.workspace)
    return answer(request, who, encode({"items": read.value}), position=read.position)


@router.post("/rules", **examples.of("add_rule"))
async def add_rule(request: Request) -> Response:
    """Put a rule in; a rebuild under its name then keeps figures under it beside the live ones. Owners only."""
    raw, who = await raw_body(request), await caller(request)

    async def ask() -> Response:
        rule = await services(request).ruling.add(who, parsed(raw))
        body = {"name": rule.name, "kind": rule.kind, "live": False, "kept": False, "definition": rule.definition}
        return answer(request, who, encoded(body), status=201, position=await services(request).moments.head())

    return await once(request, who, raw, ask)


@router.get("/rules/{name}/comparison", **examples.of("rule_comparison"))
async def comparison(request: Request, name: str) -> Response:
    """The campaigns whose figures under this rule are not those under the live one."""
    who = await caller(request)
    page = page_asked(request, who, f"comparison:{name}", filters=set(), order="created_at")
    await reached(request, who, "metrics", name)
    after = None if page.after is None else int(page.after)
    read, more = await services(request).reads.comparison(who.workspace, name, page.limit, after)
    cursor = None if more is None else sealed_cursor(request, who, page, str(more))
    body = {
        "rule": read.value.rule, "at_same_position": read.value.at_same_position, "items": read.value.items,
        "next": cursor,
    }  # fmt: skip
    return answer(request, who, encode(body), position=read.position)


@router.get("/rules", **examples.of("rules"))
async def rules(request: Request) -> Response:
    """The rules that a read may be asked under, and which of them is live."""
    who = await caller(request)
    if faults := known_only(request, {"after", "wait"}):
        raise Invalid(faults)
    await reached(request, who, None)
    found = await services(request).reads.rules()
    return answer(request, who, encode({"items": found}), position=await services(request).moments.head())
