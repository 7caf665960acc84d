"""What a campaign has reached: metrics, funnel, return on investment."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples, side_by_side
from api.conventions import a_time, an_id, answer, as_of, caller, known_only, one, reached, services
from domain.shared.errors import Fault, Invalid
from projections.encoding import encode

router = APIRouter(prefix="/v1/campaigns", tags=["figures"])
_COMMON = {"as_of", "rule", "after", "wait"}


@router.get("/{id}/metrics", **examples.of("metrics"))
async def metrics(request: Request, id: str) -> Response:
    """Every measure in total and by group, of the facts that happened in [from, to).

    With `compare=as_first_reported` the answer holds two of them, `as_first_reported` (what was known at `to`; null
    where the campaign was not there yet) and `as_known_now`. Where the answer would need archived facts that were
    dropped for good, `horizon` says before which time they were recorded; so do the funnel, the return and the raw
    facts. Under a rule the figures, the funnel and the return name it as `rule`.
    """
    who = await caller(request)
    faults = known_only(request, _COMMON | {"group_by", "from", "to", "time_zone", "compare"})
    starts, ends = a_time(request, "from", faults), a_time(request, "to", faults)
    zone, groups, rule = (
        one(request, "time_zone", faults),
        _names(request, "group_by", faults),
        one(request, "rule", faults),
    )
    compared = side_by_side.asked_for(request, ends, faults)
    if faults:
        raise Invalid(faults)
    await reached(request, who, "metrics", rule)
    ask = partial(
        services(request).reads.metrics, who.workspace, an_id(id), group_by=groups, starts=starts, ends=ends,
        time_zone=zone, rule=rule,
    )  # fmt: skip
    if compared and ends is not None:
        found, position = await side_by_side.both(request, ends, lambda at: ask(as_of=at))
        return answer(request, who, encode(found), position=position)
    read = await ask(as_of=await as_of(request, who))
    return answer(request, who, encode(read.value), position=read.position)


@router.get("/{id}/funnel", **examples.of("funnel"))
async def funnel(request: Request, id: str) -> Response:
    """How many came through each stage, and how long it took them."""
    who = await caller(request)
    faults = known_only(request, _COMMON | {"stages", "by"})
    stages, by, rule = (
        _names(request, "stages", faults),
        one(request, "by", faults),
        one(request, "rule", faults),
    )
    if faults:
        raise Invalid(faults)
    await reached(request, who, "funnel", rule)
    at = await as_of(request, who)
    asked = stages or ("impression", "click", "conversion")
    read = await services(request).reads.funnel(
        who.workspace, an_id(id), asked, by=by or "contact", as_of=at, rule=rule
    )
    return answer(request, who, encode(read.value), position=read.position)


@router.get("/{id}/roi", **examples.of("roi"))
async def roi(request: Request, id: str) -> Response:
    """What came in for what was spent, in total, by platform and by variant."""
    who = await caller(request)
    faults = known_only(request, _COMMON)
    rule = one(request, "rule", faults)
    if faults:
        raise Invalid(faults)
    await reached(request, who, "roi", rule)
    at = await as_of(request, who)
    read = await services(request).reads.roi(who.workspace, an_id(id), as_of=at, rule=rule)
    return answer(request, who, encode(read.value), position=read.position)


def _names(request: Request, name: str, faults: list[Fault]) -> tuple[str, ...]:
    """Names with commas between; the parameter may also be repeated."""
    found = [part.strip() for text in request.query_params.getlist(name) for part in text.split(",")]
    if found and not all(found):
        faults.append(Fault(f"/{name}", "empty", f"{name} holds names with commas between."))
    return tuple(found)
