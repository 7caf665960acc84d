"""Facts in: ``POST /v1/track`` and ``POST /v1/track/batch``, one function in front of everything else.

A right fact is decoded, checked and handed to the log in a few microseconds: the whole body is decoded at once
into typed values, and what the types cannot say is checked in one expression per fact. Only a fact that fails is
looked at again, alone, to say everything that is wrong with it (``domain.engagement.diagnosis``).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
import structlog
from msgspec import Meta

from api.authentication import Keys, Unauthenticated, caller_of
from api.errors import problem_body
from api.facts_body import (
    MOST_FACTS,
    BodyRefused,
    Disconnected,
    Hold,
    Rooms,
    check_depth,
    not_a_batch,
    not_json,
    read,
    split,
)
from api.facts_openapi import OPENAPI_PATHS, OPENAPI_SCHEMAS
from application.ports import Clock, Overloaded, Position, Seal, Unavailable
from application.ports_facts import CampaignRef, FactLog
from domain.engagement import rules
from domain.engagement.diagnosis import faults_of
from domain.engagement.fact import Fact
from domain.engagement.kinds import CONVERSION, CONVERSION_TYPES, CUSTOM, KINDS, ORDERED, PRICED, SPEND, VOID
from domain.shared.errors import Fault

__all__ = ["OPENAPI_PATHS", "OPENAPI_SCHEMAS", "PATHS", "make_tracking"]

SINGLE = "/v1/track"
BATCH = "/v1/track/batch"
PATHS = frozenset({SINGLE, BATCH})

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

Id = Annotated[str, Meta(min_length=1, max_length=rules.LONGEST_ID)]
Label = Annotated[str, Meta(min_length=1, max_length=rules.LONGEST_LABEL)]


# msgspec takes ``Raw | None`` for ``None`` alone, so what is absent is spelled as what it means.
_ABSENT = msgspec.Raw(b"null")


class SentMoney(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Money as a client sends it."""

    currency: str
    amount: Annotated[int, Meta(ge=0, le=rules.LARGEST_AMOUNT)] | None = None
    amount_micros: Annotated[int, Meta(ge=0, le=10**18)] | None = None


class SentFact(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A fact as a client sends it. Where a name stands twice in an object, the last one counts."""

    id: Id
    kind: str
    campaign_id: Annotated[str, Meta(max_length=36)]
    name: Annotated[str, Meta(max_length=rules.LONGEST_NAME)] | None = None
    occurred_at: Annotated[datetime, Meta(tz=True)] | None = None
    contact_id: Id | None = None
    variant: Label | None = None
    platform: Label | None = None
    segment: Label | None = None
    device: Label | None = None
    country: Label | None = None
    link: Annotated[str, Meta(min_length=1, max_length=rules.LONGEST_LINK)] | None = None
    quantity: Annotated[int, Meta(ge=1, le=rules.LARGEST_QUANTITY)] | None = None
    value: SentMoney | None = None
    type: str | None = None
    order_id: Id | None = None
    properties: msgspec.Raw = _ABSENT
    voids: Id | None = None


class SentBatch(msgspec.Struct, forbid_unknown_fields=True):
    """A batch as a client sends it."""

    facts: list[SentFact]


_ONE = msgspec.json.Decoder(SentFact)
_MANY = msgspec.json.Decoder(SentBatch)
_ANY = msgspec.json.Decoder(msgspec.Raw)
_PROPERTIES = msgspec.json.Decoder(dict[str, str | int | float | bool | None])
_ENCODER = msgspec.json.Encoder()
_NOT_DECODED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_SUSPECT_BYTES = (b"@", b"\\u", b"%", "＠".encode(), "﹫".encode())
_SUSPECT = re.compile("[\0@%＠﹫]")
_LONGEST_LOOK = 64 << 10
_SLICE = 100


def is_suspect(body: bytes | bytearray) -> bool:
    """Whether an e-mail address or a NUL may stand anywhere in the body: most bodies need no closer look."""
    return any(sign in body for sign in _SUSPECT_BYTES)


def fact_of(sent: SentFact, campaign: CampaignRef, latest: datetime, suspect: bool) -> Fact | None:
    """The fact for the log; None where it breaks a rule, or might and must be looked at again."""
    kind = KINDS.get(sent.kind)
    if kind is None:
        return None
    amount: int | None = None
    if sent.value is not None:
        amount = _amount(sent.value, kind, campaign)
        if amount is None:
            return None
    elif kind in PRICED:
        return None
    type = 0
    if kind == CONVERSION:
        if sent.type not in CONVERSION_TYPES:
            return None
        type = CONVERSION_TYPES[sent.type]
    elif sent.type is not None:
        return None
    contact = sent.contact_id
    at = sent.occurred_at
    if (
        (sent.voids is None) is (kind == VOID)
        or (sent.name is None) is (kind == CUSTOM)
        or (kind == CUSTOM and not _is_name(sent.name))
        or (sent.order_id is not None and kind not in ORDERED)
        or (contact is not None and (sent.quantity or 1) != 1)
        or (contact is not None and "+" in contact and rules.is_personal(contact))
        or (at is not None and not rules.EARLIEST <= at <= latest)
        or (suspect and _needs_a_look(sent))
    ):
        return None
    properties: bytes | None = None
    if sent.properties is not _ABSENT:
        properties = _properties(sent.properties)
        if properties is None:
            return None
    link = sent.link
    labels = (
        sent.variant, sent.platform, sent.segment, sent.device, sent.country,
        None if link is None else rules.reduced_link(link) or None,
    )  # fmt: skip
    return Fact(
        sent.id, kind, campaign.stream, at, contact, None if labels == _NO_LABELS else labels, sent.quantity or 1, amount, type,
        sent.order_id, sent.name, sent.voids, properties or None,
    )  # fmt: skip


_NO_LABELS = (None,) * 6


def _amount(value: SentMoney, kind: int, campaign: CampaignRef) -> int | None:
    if value.currency != campaign.currency or (value.amount is None) is (value.amount_micros is None):
        return None
    if kind != SPEND:
        return value.amount
    if value.amount is not None:
        return rules.micros(value.amount, campaign.exponent)
    micros = value.amount_micros
    return micros if micros is not None and micros <= rules.micros(rules.LARGEST_AMOUNT, campaign.exponent) else None


def _is_name(name: str | None) -> bool:
    return name is not None and rules.NAME.fullmatch(name) is not None and name not in KINDS


def _needs_a_look(sent: SentFact) -> bool:
    texts = (
        sent.id, sent.order_id, sent.contact_id, sent.voids, sent.variant, sent.platform, sent.segment, sent.device,
        sent.country, sent.link,
    )  # fmt: skip
    return _SUSPECT.search("".join(filter(None, texts))) is not None or (
        sent.properties is not _ABSENT and is_suspect(bytes(sent.properties))
    )


def _properties(raw: msgspec.Raw) -> bytes | None:
    """The properties as they are stored; empty where there are none, None where they break a rule."""
    if len(raw) > _LONGEST_LOOK:
        return None
    if bytes(raw) == b"null":
        return b""
    try:
        found = _PROPERTIES.decode(raw)
    except _NOT_DECODED:
        return None
    if len(found) > rules.MOST_PROPERTIES:
        return None
    encoded = _ENCODER.encode(found)
    return encoded if len(encoded) <= rules.MOST_PROPERTY_BYTES else None


class Answer:
    """What goes back to the client."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int, body: bytes, *headers: tuple[bytes, bytes], media: bytes = b"application/json"
    ) -> None:
        self.status = status
        self.body = body
        self.headers = [(b"content-type", media), (b"content-length", b"%d" % len(body)), *headers]


def problem(status: int, slug: str, detail: str, *headers: tuple[bytes, bytes], **extra: Any) -> Answer:
    """A problem (RFC 9457)."""
    body = _ENCODER.encode(problem_body(status, slug, detail, **extra))
    return Answer(status, body, *headers, media=b"application/problem+json")


class Head:
    """What the headers of a request say about it. BodyRefused where they ask for what there is not."""

    __slots__ = ("authorization", "length", "packed")

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.authorization: str | None = None
        self.length: int | None = None
        self.packed = False
        for name, value in headers:
            if name == b"authorization":
                self.authorization = value.decode("latin-1")
            elif name == b"content-length":
                self.length = int(value)
            elif name == b"content-type":
                media = value.partition(b";")[0].strip().lower()
                if media != b"application/json" and not media.endswith(b"+json"):
                    raise BodyRefused(415, "media-type", "Send application/json.")
            elif name == b"content-encoding":
                coding = value.strip().lower()
                if coding not in (b"gzip", b"x-gzip", b"identity"):
                    raise BodyRefused(415, "content-encoding", "Send gzip, or no Content-Encoding.")
                self.packed = coding != b"identity"


class Tracking:
    """The ASGI function and what it needs."""

    def __init__(self, keys: Keys, facts: FactLog, seal: Seal, clock: Clock) -> None:
        self._keys = keys
        self._facts = facts
        self._seal = seal
        self._clock = clock
        self._rooms = Rooms()
        self._tokens: dict[int, tuple[Position, bytes]] = {}
        self._log = structlog.get_logger("tracking")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(scope, receive)
        except BodyRefused as refused:
            answer = problem(refused.status, refused.slug, refused.detail)
        except Unauthenticated as refused:
            answer = problem(401, "unauthenticated", refused.detail, (b"www-authenticate", b"Bearer"))
        except Overloaded as refused:
            retry = (b"retry-after", b"%d" % refused.retry_after)
            answer = problem(503, "overloaded", "Too much is waiting; come again.", retry)
        except Unavailable as refused:
            answer = problem(503, "unavailable", f"Not available just now: {refused}.", (b"retry-after", b"1"))
        except Disconnected:
            return
        except Exception:
            self._log.exception("tracking_failed", path=scope["path"])
            answer = problem(500, "fault", "Something went wrong on our side.")
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] != "POST":
            return problem(405, "method-not-allowed", "Facts are sent with POST.", (b"allow", b"POST"))
        head = Head(scope["headers"])
        workspace = (await caller_of(self._keys, head.authorization)).workspace
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        answer = self._single if scope["path"] == SINGLE else self._batch
        if not head.packed and not message.get("more_body"):
            return await answer(workspace, message["body"])
        hold = Hold(self._rooms, workspace)
        try:
            return await answer(workspace, await read(receive, message, hold, head.length, head.packed))
        finally:
            hold.release()

    async def _single(self, workspace: int, body: bytes | bytearray) -> Answer:
        sent: SentFact | bytes
        try:
            sent = _ONE.decode(body)
        except _NOT_DECODED:
            await check_depth(body)
            sent = bytes(body)
        found = await self._judged(workspace, [sent], "", is_suspect(body))
        if found.rejected:
            return _not_valid(found.rejected[0]["errors"])
        recorded = await self._facts.record(workspace, found.facts)
        if recorded.refused:
            return _not_valid([_error(fault, "") for fault in recorded.refused.values()])
        return self._accepted(workspace, 1 - len(recorded.duplicates), len(recorded.duplicates), [], recorded.position)

    async def _batch(self, workspace: int, body: bytes | bytearray) -> Answer:
        found = await self._judged(workspace, await _elements(body), "/facts/", is_suspect(body))
        recorded = await self._facts.record(workspace, found.facts)
        rejected = found.rejected
        for position, fault in recorded.refused.items():
            index = found.indexes[position]
            rejected.append(
                {"index": index, "id": found.facts[position].id, "errors": [_error(fault, f"/facts/{index}")]}
            )
        rejected.sort(key=_index)
        duplicates = len(recorded.duplicates)
        accepted = len(found.facts) - duplicates - len(recorded.refused)
        return self._accepted(workspace, accepted, duplicates, rejected, recorded.position)

    async def _judged(self, workspace: int, elements: Sequence[SentFact | bytes], prefix: str, suspect: bool) -> Judged:
        """The facts that are right, and what is wrong with the others. ``prefix`` is empty for a single fact."""
        documents = {index: _document(element) for index, element in enumerate(elements) if isinstance(element, bytes)}
        campaigns = await self._campaigns(workspace, elements, documents)
        now = self._clock.now()
        latest = now + rules.AHEAD
        judged = Judged()
        for index, element in enumerate(elements):
            if index % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
            if isinstance(element, SentFact):
                campaign = campaigns.get(element.campaign_id)
                if campaign is not None:
                    fact = fact_of(element, campaign, latest, suspect)
                    if fact is not None:
                        judged.facts.append(fact)
                        judged.indexes.append(index)
                        continue
                documents[index] = await _second_look(element, 2 if prefix else 0)
            pointer = f"{prefix}{index}" if prefix else ""
            document = documents[index]
            campaign = campaigns.get(_campaign_id(document) or "")
            faults = _faults(document, pointer, now, campaign)
            if not faults and isinstance(element, SentFact) and campaign is not None:
                fact = fact_of(element, campaign, latest, False)
                if fact is not None:
                    judged.facts.append(fact)
                    judged.indexes.append(index)
                    continue
            errors = [_error(fault, "") for fault in faults or [Fault(pointer, "not_valid", "This fact is not valid.")]]
            judged.rejected.append({"index": index, "id": _id(document), "errors": errors})
        return judged

    async def _campaigns(
        self, workspace: int, elements: Sequence[SentFact | bytes], documents: Mapping[int, Any]
    ) -> dict[str, CampaignRef]:
        named = {element.campaign_id for element in elements if isinstance(element, SentFact)}
        named.update(filter(None, map(_campaign_id, documents.values())))
        found: dict[str, CampaignRef] = {}
        unknown: list[str] = []
        for id in named:
            campaign = self._facts.known_campaign(workspace, id)
            if campaign is not None:
                found[id] = campaign
            elif rules.UUID_TEXT.fullmatch(id):
                unknown.append(id)
        if unknown:
            found.update(await self._facts.campaigns(workspace, unknown))
        return found

    def _accepted(
        self, workspace: int, accepted: int, duplicates: int, rejected: list[dict[str, Any]], position: Position
    ) -> Answer:
        token = self._token(workspace, position)
        body = b'{"accepted":%d,"duplicates":%d,"rejected":%b,"position":"%b"}' % (
            accepted, duplicates, _ENCODER.encode(rejected) if rejected else b"[]", token,
        )  # fmt: skip
        return Answer(200, body, (b"ballyhoo-position", token))

    def _token(self, workspace: int, position: Position) -> bytes:
        """All requests of one group share a position: it is sealed once for each workspace."""
        kept = self._tokens.get(workspace)
        if kept is not None and kept[0] is position:
            return kept[1]
        token = self._seal.seal(workspace, position).encode()
        if len(self._tokens) > 10_000:
            self._tokens.clear()
        self._tokens[workspace] = (position, token)
        return token


class Judged:
    """Right facts with their indexes in the request, and the entries of ``rejected``."""

    __slots__ = ("facts", "indexes", "rejected")

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.indexes: list[int] = []
        self.rejected: list[dict[str, Any]] = []


def make_tracking(keys: Keys, facts: FactLog, seal: Seal, clock: Clock) -> ASGIApp:
    """The ASGI function for ``PATHS``."""
    return Tracking(keys, facts, seal, clock)


async def _elements(body: bytes | bytearray) -> Sequence[SentFact | bytes]:
    """The facts of a batch: typed where they have the right types, else as they were sent."""
    try:
        facts = _MANY.decode(body).facts
    except _NOT_DECODED:
        pass
    else:
        if not 1 <= len(facts) <= MOST_FACTS:
            raise not_a_batch()
        return facts
    raw = await split(body)
    if not raw:
        _must_be_json(body)
        raise not_a_batch()
    elements: list[SentFact | bytes] = []
    for index, element in enumerate(raw):
        if index % _SLICE == _SLICE - 1:
            await asyncio.sleep(0)
        try:
            elements.append(_ONE.decode(element))
        except _NOT_DECODED:
            elements.append(element)
    return elements


async def _second_look(sent: SentFact, outside: int) -> Any:
    raw = _ENCODER.encode(sent)
    if sent.properties is not _ABSENT:
        await check_depth(raw, outside)
    return _document(raw)


class _TooLong:
    """Stands for a fact that is refused without being read."""


def _document(raw: bytes) -> Any:
    """A fact as plain values. BodyRefused where it is no JSON."""
    if len(raw) > _LONGEST_LOOK:
        _must_be_json(raw)
        return _TooLong
    try:
        # What only lone surrogates keep from being UTF-8 is one bad fact, not a body that cannot be read.
        return json.loads(raw.decode("utf-8", "surrogatepass"), parse_constant=_no_constant, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise not_json(error) from error


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else float("inf")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _must_be_json(raw: bytes | bytearray) -> None:
    try:
        _ANY.decode(raw)
    except _NOT_DECODED as error:
        raise not_json(error) from error


def _faults(document: Any, pointer: str, now: datetime, campaign: CampaignRef | None) -> list[Fault]:
    if document is _TooLong:
        return [Fault(pointer, "too_long", f"A fact has at most {_LONGEST_LOOK} bytes.")]
    return faults_of(document, pointer, now, campaign.currency if campaign else None, campaign is not None)


def _campaign_id(document: Any) -> str | None:
    id = document.get("campaign_id") if isinstance(document, dict) else None
    return id if isinstance(id, str) and len(id) == 36 else None


def _id(document: Any) -> str | None:
    id = document.get("id") if isinstance(document, dict) else None
    return id[: rules.LONGEST_ID].encode("utf-8", "replace").decode() if isinstance(id, str) else None


def _error(fault: Fault, prefix: str) -> dict[str, str]:
    return {"pointer": prefix + fault.pointer, "code": fault.code, "detail": fault.detail}


def _not_valid(errors: list[dict[str, str]]) -> Answer:
    return problem(
        422, "invalid", "; ".join(f"{error['pointer']}: {error['detail']}" for error in errors), errors=errors
    )


def _index(rejected: dict[str, Any]) -> int:
    index: int = rejected["index"]
    return index
