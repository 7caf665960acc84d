"""From a request to a command and back: the same way for every command.

A key that was used answers as it did; a twin in flight is refused; what was decided, refusals too, is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid5

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
Ask = Callable[[], Awaitable[Response]]

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
    if decided.problem is not None:
        return decided.problem
    if decided.recorded is None:
        return _refused_again(decided.answer)
    headers = {"Idempotent-Replayed": "true"} if decided.replayed else {}
    if made_under:
        headers["Location"] = f"{made_under}/{json.loads(decided.answer.body)['id']}"
    return answer(
        request, who, decided.answer.body, position=decided.recorded.position, status=decided.answer.status,
        version=decided.recorded.version, headers=headers,
    )  # fmt: skip


async def once(
    request: Request, who: Caller, raw: bytes, ask: Ask, *, made_under: str | None = None,
    decided: Callable[[], bool] = lambda: True,
) -> Response:  # fmt: skip
    """What was answered under the request's key before, else what ``ask`` answers: for commands that make no event of
    one aggregate. It is kept where it was ``decided``.

    A repeat has the position where the logs are by then. ``made_under`` as in ``command``. KeyUsedDifferently,
    RequestInFlight.
    """
    key = idempotency_key(request)
    if key is None:
        return await ask()
    keyed, kept = Idempotency(key, fingerprint(request, raw)), services(request).kept
    with _alone(who, keyed):
        if found := await kept.answer(who.workspace, keyed):
            return await _again(request, who, found.answer, made_under)
        answered = await _answered(ask)
        if not (answered.status_code < 300 or answered.status_code in KEPT_REFUSALS) or not decided():
            return answered
        mine = Answer(answered.status_code, bytes(answered.body))
        await kept.keep(who.workspace, keyed, mine)
        # A twin in another process may have answered first: its answer is the one that stands.
        stands = await kept.answer(who.workspace, keyed)
        if stands is None or stands.answer == mine:
            return answered
        return await _again(request, who, stands.answer, made_under)


async def _answered(ask: Ask) -> Response:
    try:
        return await ask()
    except RequestInFlight:
        raise  # decides nothing
    except Exception as error:
        return errors.of(error)


async def _again(request: Request, who: Caller, kept: Answer, made_under: str | None) -> Response:
    if kept.status >= 400:
        return _refused_again(kept)
    headers = {"Idempotent-Replayed": "true"}
    if made_under:
        headers["Location"] = f"{made_under}/{json.loads(kept.body)['id']}"
    head = await services(request).moments.head()
    return answer(request, who, kept.body, position=head, status=kept.status, headers=headers)


def _refused_again(kept: Answer) -> Response:
    headers = {"Idempotent-Replayed": "true"}
    if where := json.loads(kept.body).get("instance"):
        headers["Location"] = where
    return Response(kept.body, kept.status, headers=headers, media_type=errors.PROBLEM_JSON)


async def bulk(request: Request, raw: bytes, runs: list[Run], present: Present) -> Response:
    """Run each command in a transaction of its own, and answer all their results in order.

    With a key each of them has a key derived from it: a bulk that was cut off is finished by its repeat, and what
    was decided before answers as it did. The whole is kept under the key itself, unless one of them was not decided.
    """
    who = await caller(request)
    key = idempotency_key(request)
    context = _context(request, who, present, 200)
    results: list[dict[str, Any]] = []

    async def ask() -> Response:
        replayed = True
        for number, run in enumerate(runs):
            keyed = Idempotency(f"{key}#{number}", fingerprint(request, raw)) if key else None
            decided = await _decide(request, replace(context, idempotency=keyed), run)
            replayed = replayed and decided.replayed
            results.append(_result(decided))
        headers = {"Idempotent-Replayed": "true"} if replayed else {}
        head = await services(request).moments.head()
        return answer(request, who, encoded({"results": results}), position=head, headers=headers)

    return await once(request, who, raw, ask, decided=lambda: all(result["status"] < 429 for result in results))


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
    with _alone(context.caller, keyed):
        kept = services(request).kept
        if found := await kept.answer(context.caller.workspace, keyed):
            return _replayed(found)
        decided = await _run(run, context)
        if decided.replayed and (first := await kept.answer(context.caller.workspace, keyed)):
            return _replayed(first)  # a twin in another process was faster, and what it decided may be a refusal
        if decided.problem is None or decided.problem.status_code not in KEPT_REFUSALS:
            return decided
        await kept.keep(context.caller.workspace, keyed, decided.answer)
        # A twin in another process may have decided first: its answer is the one that stands.
        stands = await kept.answer(context.caller.workspace, keyed)
        return decided if stands is None or stands.answer.body == decided.answer.body else _replayed(stands)


@contextmanager
def _alone(who: Caller, keyed: Idempotency) -> Iterator[None]:
    """While the block runs, nobody else in this process is answered under the key. RequestInFlight."""
    twin = (who.workspace, keyed.key)
    if twin in _in_flight:
        raise RequestInFlight
    _in_flight.add(twin)
    try:
        yield
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


def named_by_key(request: Request, who: Caller, raw: bytes) -> UUID | None:
    """An id for what a request with a key makes: its repeat finds what it made, though its answer was not kept."""
    key = idempotency_key(request)
    return None if key is None else uuid5(who.workspace_id, f"{key} {fingerprint(request, raw).hex()}")


def fingerprint(request: Request, raw: bytes) -> bytes:
    """What a key is used for: a digest of method, path and body."""
    return hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + raw).digest()
