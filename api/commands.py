"""From a request to a command and back: the same way for every command.

A key that was used answers as it did; a twin in flight is refused; what was decided, refusals too, is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api import errors
from api.conventions import answer, caller, encoded, idempotency_key, if_match, services
from application.ports import Answer, Caller, Context, Idempotency, Kept, Recorded
from domain.shared.aggregate import Aggregate
from domain.shared.errors import Conflict
from domain.shared.times import written

KEPT_REFUSALS = frozenset({404, 409, 412})

Run = Callable[[Context], Awaitable[tuple[Aggregate, Recorded]]]
Present = Callable[[Any], Awaitable[dict[str, Any]]]

_in_flight: set[tuple[int, str]] = set()


class RequestInFlight(Conflict):
    """A request with this Idempotency-Key is being answered just now."""


@dataclass(frozen=True)
class Decided:
    """What became of one command: an answer with its position, or a problem."""

    answer: Answer
    recorded: Recorded | None = None
    problem: Response | None = None
    replayed: bool = False


async def command(
    request: Request, raw: bytes, run: Run, present: Present, *, made_under: str | None = None
) -> Response:
    """Run one command; ``present`` gives the resource that is answered, before the save keeps it with the key.

    ``made_under`` is the path of the collection where the command makes something: 201 with its Location.
    """
    who = await caller(request)
    key = idempotency_key(request)
    keyed = Idempotency(key, fingerprint(request, raw)) if key else None
    context = _context(request, who, present, 201 if made_under else 200)
    decided = await _decide(request, replace(context, idempotency=keyed), run)
    headers = {"Idempotent-Replayed": "true"} if decided.replayed else {}
    if decided.problem is not None:
        decided.problem.headers.update(headers)
        return decided.problem
    if decided.recorded is None:
        if where := json.loads(decided.answer.body).get("instance"):
            headers["Location"] = where
        return Response(decided.answer.body, decided.answer.status, headers=headers, media_type=errors.PROBLEM_JSON)
    if made_under:
        headers["Location"] = f"{made_under}/{json.loads(decided.answer.body)['id']}"
    return answer(
        request, who, decided.answer.body, position=decided.recorded.position, status=decided.answer.status,
        version=decided.recorded.version, headers=headers,
    )  # fmt: skip


async def bulk(request: Request, raw: bytes, runs: list[Run], present: Present) -> Response:
    """Run each command in a transaction of its own, and answer all their results in order.

    With a key each of them has a key derived from it: a bulk that was cut off is finished by its repeat, and what
    was decided before answers as it did.
    """
    who = await caller(request)
    key = idempotency_key(request)
    context = _context(request, who, present, 200)
    results: list[dict[str, Any]] = []
    replayed = True
    for number, run in enumerate(runs):
        keyed = Idempotency(f"{key}#{number}", fingerprint(request, raw)) if key else None
        decided = await _decide(request, replace(context, idempotency=keyed), run)
        replayed = replayed and decided.replayed
        results.append(_result(decided))
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    return answer(
        request,
        who,
        encoded({"results": results}),
        position=await services(request).moments.head(),
        headers=headers,
    )


def _result(decided: Decided) -> dict[str, Any]:
    body = json.loads(decided.answer.body)
    if decided.recorded is None:
        return {"status": decided.answer.status, "problem": body}
    return {
        "status": decided.answer.status,
        "id": body["id"],
        "version": decided.recorded.version,
        "campaign": body,
    }


def _context(request: Request, who: Caller, present: Present, status: int) -> Context:
    at = services(request).clock.now()

    async def presented(aggregate: Any) -> Answer:
        return Answer(status, encoded(await present(aggregate)), written(at).encode())

    return Context(
        caller=who,
        at=at,
        correlation=request.scope["state"]["request_id"],
        if_match=if_match(request),
        present=presented,
    )


async def _decide(request: Request, context: Context, run: Run) -> Decided:
    keyed = context.idempotency
    if keyed is None:
        return await _run(run, context)
    twin = (context.caller.workspace, keyed.key)
    if twin in _in_flight:
        raise RequestInFlight
    _in_flight.add(twin)
    try:
        kept = services(request).kept
        if found := await kept.answer(context.caller.workspace, keyed):
            return _replayed(found)
        decided = await _run(run, context)
        if decided.replayed and (first := await kept.answer(context.caller.workspace, keyed)):
            return _replayed(first)  # a twin in another process was faster, and what it decided may be a refusal
        if decided.problem is None or decided.problem.status_code not in KEPT_REFUSALS:
            return decided
        await kept.keep_refusal(context.caller.workspace, keyed, decided.answer)
        # A twin in another process may have decided first: its answer is the one that stands.
        stands = await kept.answer(context.caller.workspace, keyed)
        return decided if stands is None or stands.answer.body == decided.answer.body else _replayed(stands)
    finally:
        _in_flight.discard(twin)


async def _run(run: Run, context: Context) -> Decided:
    try:
        _, recorded = await run(context)
    except Exception as error:
        refusal = errors.of(error)
        return Decided(Answer(refusal.status_code, bytes(refusal.body)), problem=refusal)
    assert recorded.answer is not None
    return Decided(recorded.answer, recorded, replayed=recorded.replayed)


def _replayed(kept: Kept) -> Decided:
    if kept.position is None or kept.recorded_at is None:
        return Decided(kept.answer, replayed=True)
    return Decided(kept.answer, Recorded(kept.position, kept.recorded_at, kept.version or 0), replayed=True)


def fingerprint(request: Request, raw: bytes) -> bytes:
    """What a key is used for: a digest of method, path and body."""
    return hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + raw).digest()
