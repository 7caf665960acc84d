"""From a request to a command and back: the same way for every command.

A key that was used answers as it did; a twin in flight is refused; what was decided, refusals too, is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api import errors
from api.conventions import answer, caller, encoded, idempotency_key, if_match, services
from api.errors import Refused
from application.ports import Answer, Caller, Context, Idempotency, Kept, Recorded
from domain.shared.aggregate import Aggregate
from domain.shared.times import written

KEPT_REFUSALS = frozenset({404, 409, 412})

Run = Callable[[Context], Awaitable[tuple[Aggregate, Recorded]]]
Present = Callable[[Any], Awaitable[dict[str, Any]]]

_in_flight: set[tuple[int, str]] = set()


async def command(
    request: Request, raw: bytes, run: Run, present: Present, *, made_under: str | None = None
) -> Response:
    """Run one command; ``present`` gives the resource that is answered, before the save keeps it with the key.

    ``made_under`` is the path of the collection where the command makes something: 201 with its Location.
    """
    who = await caller(request)
    status = 201 if made_under else 200
    key = idempotency_key(request)
    keyed = Idempotency(key, _fingerprint(request, raw)) if key else None
    at = services(request).clock.now()

    async def presented(aggregate: Any) -> Answer:
        return Answer(status, encoded(await present(aggregate)), written(at).encode())

    context = Context(
        caller=who, at=at, correlation=request.scope["state"]["request_id"], if_match=if_match(request),
        idempotency=keyed, present=presented,
    )  # fmt: skip
    if keyed is None:
        try:
            return _answered(request, who, await _run(run, context), made_under)
        except Exception as error:
            return errors.of(error)
    twin = (who.workspace, keyed.key)
    if twin in _in_flight:
        raise Refused(409, "request-in-flight", "A request with this Idempotency-Key is being answered just now.")
    _in_flight.add(twin)
    try:
        return await _run_keyed(request, who, keyed, run, context, made_under)
    finally:
        _in_flight.discard(twin)


async def _run_keyed(
    request: Request, who: Caller, keyed: Idempotency, run: Run, context: Context, made_under: str | None
) -> Response:
    kept = services(request).kept
    if found := await kept.answer(who.workspace, keyed):
        return _replayed(request, who, found, made_under)
    try:
        recorded = await _run(run, context)
    except Exception as error:
        refusal = errors.of(error)
        if refusal.status_code not in KEPT_REFUSALS:
            return refusal
        await kept.keep_refusal(who.workspace, keyed, Answer(refusal.status_code, bytes(refusal.body)))
        # A twin elsewhere may have decided first: its answer is the one that stands.
        stands = await kept.answer(who.workspace, keyed)
        return refusal if stands is None or stands.answer.body == refusal.body else _replayed(request, who, stands, made_under)
    return _answered(request, who, recorded, made_under)


async def _run(run: Run, context: Context) -> Recorded:
    _, recorded = await run(context)
    return recorded


def _answered(request: Request, who: Caller, recorded: Recorded, made_under: str | None) -> Response:
    assert recorded.answer is not None
    headers = _location(made_under, recorded.answer)
    if recorded.replayed:
        headers["Idempotent-Replayed"] = "true"
    return answer(
        request, who, recorded.answer.body, position=recorded.position, status=recorded.answer.status,
        version=recorded.version, headers=headers,
    )  # fmt: skip


def _replayed(request: Request, who: Caller, kept: Kept, made_under: str | None) -> Response:
    headers = {"Idempotent-Replayed": "true"}
    if kept.position is None:
        return Response(kept.answer.body, kept.answer.status, headers=headers, media_type=errors.PROBLEM_JSON)
    return answer(
        request, who, kept.answer.body, position=kept.position, status=kept.answer.status, version=kept.version,
        headers=headers | _location(made_under, kept.answer),
    )  # fmt: skip


def _location(made_under: str | None, made: Answer) -> dict[str, str]:
    if made_under is None:
        return {}
    return {"Location": f"{made_under}/{json.loads(made.body)['id']}"}


def _fingerprint(request: Request, raw: bytes) -> bytes:
    return hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + raw).digest()
