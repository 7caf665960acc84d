"""A/B tests: planned, changed, moved, and what they found."""

from __future__ import annotations

import json
from typing import Any
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
    one,
    parsed,
    raw_body,
    reached,
    services,
)
from api.paging import page_asked, sealed_cursor
from application.ab_test.change_ab_test import ChangeABTest
from application.ab_test.create_ab_test import CreateABTest
from application.ab_test.move_ab_test import Move, MoveABTest
from application.ports import Caller, Position
from domain.ab_test.decision import Status
from domain.shared.errors import Fault, Invalid
from domain.shared.times import written
from projections.ab_test_list import ABTestQuery

router = APIRouter(tags=["A/B tests"])
HOME = "/v1/ab-tests"


def _id(text: str) -> UUID:
    return an_id(text, "A/B test")


@router.post("/v1/campaigns/{id}/ab-test", **examples.of("ab_test.create"))
async def create(request: Request, id: str) -> Response:
    """Plan a test on a campaign that has none alive. It starts with the campaign's launch and ends with the campaign; a
    duplicate has no test."""
    raw = await raw_body(request)
    await caller(request)
    wanted, create_it = parsed(raw), services(request).application.create_ab_test
    return await command(
        request, raw, lambda context: create_it(CreateABTest(an_id(id), wanted), context),
        services(request).ab_tests.resource, made_under=HOME,
    )  # fmt: skip


@router.post(f"{HOME}/analyse", **examples.of("ab_test.analyse"))
async def analyse(request: Request) -> Response:
    """The statistics alone, for numbers that are elsewhere. Nothing is kept."""
    raw, who = await raw_body(request), await caller(request)
    found = services(request).ab_tests.analyse(parsed(raw))
    return answer(request, who, encoded(found), position=await services(request).moments.head())


@router.post(f"{HOME}/plan", **examples.of("ab_test.plan"))
async def plan(request: Request) -> Response:
    """How many contacts a test needs, or what power a given number has. Nothing is kept."""
    raw, who = await raw_body(request), await caller(request)
    found = services(request).ab_tests.plan(parsed(raw))
    return answer(request, who, encoded(found), position=await services(request).moments.head())


@router.get(HOME, **examples.of("ab_test.list"))
async def ab_tests(request: Request) -> Response:
    """Tests by campaign and status, the newest first."""
    who = await caller(request)
    faults: list[Fault] = []
    campaign = one(request, "campaign_id", faults)
    statuses = tuple(request.query_params.getlist("status"))
    faults += [
        Fault("/status", "choice", f"status is one of: {', '.join(Status)}.")
        for status in statuses
        if status not in set(Status)
    ]
    page = page_asked(
        request, who, "ab-tests", filters={"campaign_id", "status"}, order="-created_at", faults=faults
    )
    await reached(request, who, "ab_tests")
    asked = ABTestQuery(None if campaign is None else an_id(campaign), statuses, page.limit, page.after)
    read = await services(request).reads.ab_tests(who.workspace, asked)
    items = read.value.items
    more = sealed_cursor(request, who, page, items[-1].place) if read.value.more else None
    body = {"items": [item.resource for item in items], "next": more}
    return answer(request, who, encoded(body), position=read.position)


@router.get(f"{HOME}/{{id}}", **examples.of("ab_test.get"))
async def get(request: Request, id: str) -> Response:
    """One test, always as its last event left it; `as_of` a version, a time or a token asks for another moment."""
    who = await caller(request)
    position = await _asked_moment(request, who, _id(id), set())
    await reached(request, who, "ab_test")
    head = position or await services(request).moments.head()
    seen = await services(request).ab_tests.view(who.workspace, _id(id), as_of=position)
    return answer(request, who, encoded(seen.value), position=head, version=seen.version)


@router.get(f"{HOME}/{{id}}/results", **examples.of("ab_test.results"))
async def results(request: Request, id: str) -> Response:
    """What the test has found so far, and what may be said of it. Changes nothing."""
    who = await caller(request)
    position = await _asked_moment(request, who, _id(id), set())
    await reached(request, who, "ab_test")
    await reached(request, who, "ab_evidence")
    seen = await services(request).ab_tests.results(who.workspace, _id(id), as_of=position)
    assert seen.position is not None
    return answer(request, who, encoded(seen.value), position=seen.position, version=seen.version)


@router.get(f"{HOME}/{{id}}/assignment", **examples.of("ab_test.assignment"))
async def assignment(request: Request, id: str) -> Response:
    """The arm of a contact, null where it is held out. Records nothing: send an `exposure`."""
    who = await caller(request)
    faults = known_only(request, {"contact_id", "after", "wait"})
    contact = one(request, "contact_id", faults)
    if contact is None and not faults:
        faults.append(Fault("/contact_id", "required", "Name a contact."))
    if faults or contact is None:
        raise Invalid(faults)
    await reached(request, who, "ab_test")
    head = await services(request).moments.head()
    seen = await services(request).ab_tests.assignment(who.workspace, _id(id), contact)
    return answer(request, who, encoded(seen.value), position=head, version=seen.version)


@router.get(f"{HOME}/{{id}}/history", **examples.of("ab_test.history"))
async def history(request: Request, id: str) -> Response:
    """Every event of the test, newest first: in words, by whom, when, and what it changed."""
    who = await caller(request)
    page = page_asked(request, who, f"ab-test-history:{id}", filters=set(), order="-version")
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
        for entry, stored in await services(request).ab_tests.history(who.workspace, _id(id))
    ]
    below = json.loads(page.after) if page.after else len(told) + 1
    found = [item for item in reversed(told) if item["version"] < below]
    items = found[: page.limit]
    more = sealed_cursor(request, who, page, json.dumps(items[-1]["version"])) if len(found) > page.limit else None
    return answer(request, who, encoded({"items": items, "next": more}), position=head, version=len(told))


@router.patch(f"{HOME}/{{id}}", **examples.of("ab_test.patch"))
async def patch(request: Request, id: str) -> Response:
    """Change the plan by a merge patch. After the start the variants stay, and every result shows the change."""
    raw = await raw_body(request)
    await caller(request)
    wanted, change = parsed(raw), services(request).application.change_ab_test
    return await command(
        request, raw, lambda context: change(ChangeABTest(_id(id), wanted), context),
        services(request).ab_tests.resource,
    )  # fmt: skip


async def _asked_moment(request: Request, who: Caller, id: UUID, known: set[str]) -> Position | None:
    """The position that ``as_of`` names; None for now. A version is the moment at which it was recorded."""
    if faults := known_only(request, {"as_of", "after", "wait"} | known):
        raise Invalid(faults)
    asked = request.query_params.get("as_of")
    if asked is None or not (asked.isascii() and asked.isdigit()):
        return await as_of(request, who)
    version = int(asked) if len(asked) <= 18 else 10**18
    at = await services(request).ab_tests.recorded_at(who.workspace, id, version)
    if at is None:
        raise Invalid([Fault("/as_of", "future", f"There is no version {asked[:20]} yet.")])
    return await services(request).moments.at(at)


def _add_move(move: Move, sentence: str) -> None:
    async def route(request: Request, id: str) -> Response:
        raw = await raw_body(request)
        await caller(request)
        details, move_it = parsed(raw, empty=True), services(request).application.move_ab_test
        return await command(
            request, raw, lambda context: move_it(MoveABTest(_id(id), move, details), context),
            services(request).ab_tests.resource,
        )  # fmt: skip

    route.__doc__ = sentence
    described = examples.of(f"ab_test.{move}")
    router.add_api_route(f"{HOME}/{{id}}/{move}", route, methods=["POST"], name=f"ab-test {move}", **described)


for _move, _sentence in {
    Move.START: "Assign contacts from now on; the campaign must be active.",
    Move.LOOK: "Look, and have the look recorded with all that it saw.",
    Move.COMPLETE: "End as planned; what was found is kept.",
    Move.CANCEL: "Give it up; what was learnt until now is kept.",
    Move.APPLY_WINNER: "Give all contacts that are not held out the winner, or the `variant` that is named.",
}.items():
    _add_move(_move, _sentence)
