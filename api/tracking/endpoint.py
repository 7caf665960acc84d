"""Facts in: ``POST /v1/track`` and ``POST /v1/track/batch``, one ASGI function in front of everything else.

A right fact is decoded, checked and handed to the log in a few microseconds. Only a fact that fails is looked at
again, alone, to say everything that is wrong with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog

from api.authentication import Keys, Unauthenticated, bearer
from api.errors import faults, problem_body
from api.request_id import HEADER, request_id
from api.tracking.body import Disconnected, Hold, Rooms, read, refuse_announced
from api.tracking.judging import Judge, Judged, batch, unread
from api.tracking.refusals import BodyRefused
from api.tracking.turns import Turns, cost_of
from api.tracking.wire import encode, is_suspect, one
from application.ports import Clock, Overloaded, Position, Seal, Unavailable
from application.ports_facts import FactLog, RecordedFacts

SINGLE = "/v1/track"
BATCH = "/v1/track/batch"
PATHS = frozenset({SINGLE, BATCH})

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

_CODINGS = frozenset({b"identity", b"gzip", b"x-gzip"})
_MOST_TOKENS = 10_000


def make_tracking(keys: Keys, facts: FactLog, seal: Seal, clock: Clock) -> ASGIApp:
    """The ASGI function for ``PATHS``."""
    return Tracking(keys, facts, seal, clock)


class Answer:
    """What goes back to the client."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, *headers: Header, media: bytes = b"application/json") -> None:
        self.status = status
        self.body = body
        self.headers = [(b"content-type", media), (b"content-length", b"%d" % len(body)), *headers]


def problem(status: int, slug: str, detail: str, *headers: Header, **extra: Any) -> Answer:
    """A problem (RFC 9457)."""
    body = encode(problem_body(status, slug, detail, **extra))
    return Answer(status, body, *headers, media=b"application/problem+json")


def body_of(headers: Mapping[bytes, bytes]) -> tuple[int | None, bool]:
    """The announced length of a body, and whether it is packed. BodyRefused where it cannot be read."""
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if coding not in _CODINGS:
        raise BodyRefused(415, "content-encoding", "Send gzip, or no Content-Encoding.")
    length = headers.get(b"content-length")
    return None if length is None else int(length), coding != b"identity"


class Tracking:
    """The ASGI function and what it needs."""

    def __init__(self, keys: Keys, facts: FactLog, seal: Seal, clock: Clock) -> None:
        self._keys = keys
        self._facts = facts
        self._seal = seal
        self._judge = Judge(facts, clock)
        self._rooms = Rooms()
        self._turns = Turns()
        self._tokens: dict[int, tuple[Position, bytes]] = {}
        self._log = structlog.get_logger("tracking")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. What was accepted is in the log of facts; what was not gets a line in ours."""
        headers = dict(scope["headers"])
        own = request_id(headers.get(HEADER))
        try:
            answer = await self._answer(scope, headers, receive)
        except Disconnected:
            return
        except Exception as error:
            answer = self._refusal(error, scope, own)
        if answer.status != 200:
            self._log.info("request", request_id=own, path=scope["path"], status=answer.status)
        answer.headers.append((HEADER, own.encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> Answer:
        if scope["method"] != "POST":
            return problem(405, "method-not-allowed", "Facts are sent with POST.", (b"allow", b"POST"))
        length, packed = body_of(headers)
        key = bearer(headers.get(b"authorization", b"").decode("latin-1"))
        caller = self._keys.known(key) or await self._keys.verify(key)
        if caller is None:
            raise Unauthenticated
        refuse_announced(length, packed)
        message = await receive()
        if not packed and message["type"] == "http.request" and not message.get("more_body"):
            return await self._in_turn(caller.workspace, scope["path"], message["body"])
        hold = Hold(self._rooms, caller.workspace)
        try:
            body = await read(receive, message, hold, length, packed)
            return await self._in_turn(caller.workspace, scope["path"], body)
        finally:
            hold.release()

    async def _in_turn(self, workspace: int, path: str, body: bytes | bytearray) -> Answer:
        cost = cost_of(len(body))
        turn = self._turns.enter(workspace, cost)
        if turn is not None:
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._turns.leave(workspace, cost)
                raise
        try:
            return await (self._single(workspace, body) if path == SINGLE else self._batch(workspace, body))
        finally:
            self._turns.leave(workspace, cost)

    async def _single(self, workspace: int, body: bytes | bytearray) -> Answer:
        sent = one(body)
        suspect = is_suspect(body)
        fact = None if sent is None else self._judge.at_once(workspace, sent, suspect)
        if fact is None:
            judged = await self._judge.judge(workspace, [sent or await unread(body)], "", suspect)
            if judged.rejected:
                return _not_valid(judged)
            fact = judged.facts[0]
        recorded = await self._facts.record(workspace, (fact,))
        if recorded.refused:
            refused = Judged()
            refused.reject(0, fact.id, list(recorded.refused.values()))
            return _not_valid(refused)
        return self._recorded(workspace, recorded, 1, b"[]")

    async def _batch(self, workspace: int, body: bytes | bytearray) -> Answer:
        judged = await self._judge.judge(workspace, await batch(body), "/facts/", is_suspect(body))
        recorded = await self._facts.record(workspace, judged.facts)
        for at, fault in recorded.refused.items():
            index = judged.indexes[at]
            judged.reject(index, judged.facts[at].id, [fault], f"/facts/{index}")
        judged.rejected.sort(key=lambda entry: int(entry["index"]))
        return self._recorded(workspace, recorded, len(judged.facts), encode(judged.rejected))

    def _recorded(self, workspace: int, recorded: RecordedFacts, sent: int, rejected: bytes) -> Answer:
        token = self._token(workspace, recorded.position)
        duplicates = len(recorded.duplicates)
        accepted = sent - duplicates - len(recorded.refused)
        body = b'{"accepted":%d,"duplicates":%d,"rejected":%b,"position":"%b"}'
        body %= accepted, duplicates, rejected, token
        return Answer(200, body, (b"ballyhoo-position", token))

    def _token(self, workspace: int, position: Position) -> bytes:
        """All requests of one group share a position: it is sealed once for each workspace."""
        kept = self._tokens.get(workspace)
        if kept is not None and kept[0] is position:
            return kept[1]
        token = self._seal.seal(workspace, position).encode()
        if len(self._tokens) >= _MOST_TOKENS:
            self._tokens.clear()
        self._tokens[workspace] = (position, token)
        return token

    def _refusal(self, error: Exception, scope: Scope, own: str) -> Answer:
        match error:
            case BodyRefused():
                extra = {"errors": faults(error.faults)} if error.faults else {}
                return problem(error.status, error.slug, error.detail, **extra)
            case Unauthenticated():
                return problem(401, "unauthenticated", error.detail, (b"www-authenticate", b"Bearer"))
            case Overloaded():
                retry = (b"retry-after", b"%d" % error.retry_after)
                return problem(503, "overloaded", "Too much is waiting; come again.", retry)
            case Unavailable():
                return problem(503, "unavailable", f"Not available just now: {error}.", (b"retry-after", b"1"))
            case _:
                self._log.error("tracking_failed", request_id=own, path=scope["path"], exc_info=error)
                return problem(500, "fault", "Something went wrong on our side.")


def _not_valid(judged: Judged) -> Answer:
    errors = judged.rejected[0]["errors"]
    detail = "; ".join(f"{error['pointer']}: {error['detail']}" for error in errors)
    return problem(422, "invalid", detail, errors=errors)
