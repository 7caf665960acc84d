"""What every route shares: reading bodies, headers and tokens, and answering commands and reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from api import errors
from api.authentication import caller_of
from api.errors import Refused
from api.services import Services
from application.ports import BadToken, Caller, Position
from domain.shared.errors import Fault, Invalid, NotFound
from domain.shared.times import moment
from projections.encoding import encode

MOST_BYTES = 1024 * 1024
MOST_DEPTH = 16
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_TAG = r'(?:W/)?(?:"[\x21\x23-\x7e]*"|\d+)'
_TAGS = re.compile(rf"\s*{_TAG}(?:\s*,\s*{_TAG})*\s*")
_VERSION = re.compile(r'(?:W/)?"?(\d{1,18})"?')


def services(request: Request) -> Services:
    """Everything the routes call."""
    found: Services = request.app.state.services
    return found


async def caller(request: Request) -> Caller:
    """Who asks. Unauthenticated."""
    return await caller_of(services(request).keys, request.headers.get("authorization"))


def an_id(text: str, what: str = "campaign") -> UUID:
    """The UUID of a path. NotFound where it is none: no such thing can exist."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound(f"There is no {what} {text[:64]!r} in this workspace.") from error


async def raw_body(request: Request) -> bytes:
    """The body, refused past 1 MiB before it is buffered whole."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BYTES:
            raise Refused(413, "too-large", f"A command's body has at most {MOST_BYTES} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)


def parsed(raw: bytes, *, empty: bool = False) -> dict[str, Any]:
    """A JSON object of at most 16 levels. Refused with 400 where it is no JSON, 422 where it is no object."""
    if empty and not raw.strip():
        return {}
    if _depth(raw) > MOST_DEPTH:
        raise Refused(400, "too-deep", f"JSON may be nested at most {MOST_DEPTH} levels.")
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "not-json", f"The body is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise Invalid([Fault("", "type", "Send a JSON object.")])
    return body


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return members


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for mark in re.sub(rb'"(?:[^"\\]|\\.)*"', b"", raw):
        if mark in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in b"]}":
            depth -= 1
    return deepest


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header. Refused with 400 where it is not 1 to 255 printable characters."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Refused(
            400,
            "bad-idempotency-key",
            "Idempotency-Key is 1 to 255 printable ASCII characters without spaces.",
        )
    return key


def if_match(request: Request) -> frozenset[int] | None:
    """The versions that If-Match names, without tags that are none of ours; None where there is none or it is ``*``."""
    headers = request.headers.getlist("if-match")
    header = ",".join(headers)
    if not headers or header.strip() == "*":
        return None
    if not _TAGS.fullmatch(header):
        raise Refused(400, "bad-if-match", 'If-Match is the ETag of an answer: "<version>".')
    found = map(_VERSION.fullmatch, re.findall(_TAG, header))
    return frozenset(int(version[1]) for version in found if version is not None)


def one(request: Request, name: str, faults: list[Fault]) -> str | None:
    """A query parameter that may stand once."""
    values = request.query_params.getlist(name)
    if len(values) > 1:
        faults.append(Fault(f"/{name}", "repeated", f"{name} may stand once."))
    return values[0] if values else None


def known_only(request: Request, known: set[str]) -> list[Fault]:
    """A fault for each query parameter that the route does not know, or that holds what no text of ours can."""
    return [
        Fault(
            f"/{name}",
            "unknown",
            f"This route has no parameter {name}; it has: {', '.join(sorted(known)) or 'none'}.",
        )
        for name in sorted(set(request.query_params.keys()) - known)
    ] + [
        Fault(f"/{name}", "nul", "Must not contain the character NUL.")
        for name in sorted({name for name, value in request.query_params.multi_items() if "\0" in value} & known)
    ]


def a_time(request: Request, name: str, faults: list[Fault]) -> datetime | None:
    """A time in the query; a space in its offset is read as ``+``."""
    text = one(request, name, faults)
    if text is None:
        return None
    found = moment(text.replace(" ", "+"))
    if found is None:
        faults.append(
            Fault(f"/{name}", "time", "Send a time as RFC 3339 with an offset, like 2026-12-01T09:00:00+01:00.")
        )
    return found


async def reached(request: Request, who: Caller, projection: str | None, rule: str | None = None) -> None:
    """Wait for ``?after=``, for what is kept under ``rule`` too. Refused with 503 past the wait; a bad token is 422."""
    token = request.query_params.get("after")
    faults: list[Fault] = []
    wait = _wait(request, faults)
    if faults:
        raise Invalid(faults)
    if token is None:
        return
    with named("after"):
        position = await a_position(request, who, token)
    if projection is None:
        return  # answered from the stream itself, which is never behind
    if not await services(request).reads.wait_for(projection, position, wait, rule=rule):
        raise Refused(
            503,
            "not-yet",
            f"The read model has not reached that position within {wait:g} s.",
            headers={"Retry-After": "1"},
        )


def _wait(request: Request, faults: list[Fault]) -> float:
    text = one(request, "wait", faults)
    if text is None:
        return 5.0
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 30:
        faults.append(Fault("/wait", "range", "wait is a number of seconds from 0 to 30."))
    return seconds


@contextmanager
def named(parameter: str) -> Iterator[None]:
    """A token that turns out to be bad in the block is refused by the name of its parameter."""
    try:
        yield
    except BadToken as error:
        said = (error.__doc__ or "").strip()
        raise Refused(422, "bad-token", said, errors=errors.faults([Fault(f"/{parameter}", "token", said)])) from error


async def a_position(request: Request, who: Caller, token: str) -> Position:
    """The position of a client's token, valid in this epoch. BadToken."""
    return await services(request).epochs.valid(services(request).seal.unseal(who.workspace, token))


async def as_of(request: Request, who: Caller) -> Position | None:
    """``?as_of=`` as a time or a token; None where it is not given. Invalid where it lies ahead."""
    text = request.query_params.get("as_of")
    if text is None:
        return None
    found = moment(text.replace(" ", "+"))
    if found is None:
        with named("as_of"):
            position = await a_position(request, who, text)
        head = await services(request).moments.head()
        if position.events > head.events or position.engagement > head.engagement:
            raise Invalid([Fault("/as_of", "future", "as_of lies in the future.")])
        return position
    at = await services(request).moments.at(found)
    if at is None:
        raise Invalid([Fault("/as_of", "future", "as_of lies in the future.")])
    return at


def answer(
    request: Request, who: Caller, body: bytes, *, position: Position, status: int = 200, version: int | None = None,
    headers: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    """A JSON answer with its position, and its version as ETag."""
    found = dict(headers or {})
    found["Ballyhoo-Position"] = services(request).seal.seal(who.workspace, position)
    if version is not None:
        found["ETag"] = f'"{version}"'
    return Response(body, status, headers=found, media_type="application/json")


def encoded(body: Any) -> bytes:
    """JSON as every answer writes it."""
    return encode(body)


def now() -> datetime:
    """The present moment, for the clock of a request's log line."""
    return datetime.now(UTC)


Presenter = Callable[[Any], Any]
