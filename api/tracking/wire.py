"""Facts as they stand on the wire, decoded into typed values, and what the types cannot say.

A right fact passes here in a few microseconds. ``fact_of`` says yes, or that the fact must be looked at again.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from application.ports_facts import CampaignRef
from domain.engagement import rules
from domain.engagement.fact import Fact
from domain.engagement.kinds import CONVERSION, CONVERSION_TYPES, CUSTOM, KINDS, ORDERED, PRICED, SPEND, VOID

Id = Annotated[str, Meta(min_length=1, max_length=rules.LONGEST_ID)]
Label = Annotated[str, Meta(min_length=1, max_length=rules.LONGEST_LABEL)]


# msgspec takes ``Raw | None`` for ``None`` alone, so what is absent is spelled as what it means.
NO_PROPERTIES = msgspec.Raw(b"null")


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
    properties: msgspec.Raw = NO_PROPERTIES
    voids: Id | None = None


class SentBatch(msgspec.Struct, forbid_unknown_fields=True):
    """A batch as a client sends it."""

    facts: list[SentFact]


_ONE = msgspec.json.Decoder(SentFact)
_MANY = msgspec.json.Decoder(SentBatch)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY = msgspec.json.Decoder(msgspec.Raw)
_PROPERTIES = msgspec.json.Decoder(dict[str, str | int | float | bool | None])
_NOT_DECODED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_WIDE = b"\xef"
"""How the wide at signs, like all of their block, begin in UTF-8."""
_SUSPECT = re.compile("[\0@%＠﹫]")
_MOST_RAW_PROPERTIES = 64 << 10
_MOST_BYTES_TAKEN_APART = 64 << 10
_NO_LABELS = (None,) * 6

encode = msgspec.json.Encoder().encode
"""JSON from plain values and from what was sent."""


def one(raw: bytes | bytearray) -> SentFact | None:
    """A fact; None where its types are wrong or it is no JSON."""
    try:
        return _ONE.decode(raw)
    except _NOT_DECODED:
        return None


def many(raw: bytes | bytearray) -> list[SentFact] | None:
    """The facts of a batch; None where any of its types is wrong or it is no JSON."""
    try:
        return _MANY.decode(raw).facts
    except _NOT_DECODED:
        return None


def is_json(raw: bytes | bytearray) -> bool:
    """Whether this is JSON of whatever shape; nothing is built up."""
    try:
        _ANY.decode(raw)
    except _NOT_DECODED:
        return False
    return True


def beside_facts(raw: bytes | bytearray) -> list[str]:
    """The members of a small object that stand beside its list of facts."""
    if len(raw) > _MOST_BYTES_TAKEN_APART:
        return []
    try:
        members = _MEMBERS.decode(raw)
    except _NOT_DECODED:
        return []
    facts = bytes(members.pop("facts", b""))
    return list(members) if facts.startswith(b"[") else []


def is_suspect(body: bytes | bytearray) -> bool:
    """Whether an e-mail address or a NUL may stand anywhere in the body: most bodies need no closer look."""
    find = body.find  # ``in`` takes three times as long: it first tries whether the needle is a number
    return find(b"@") >= 0 or find(b"%") >= 0 or find(b"\\u") >= 0 or find(_WIDE) >= 0


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
    if sent.properties is not NO_PROPERTIES:
        properties = _properties(sent.properties)
        if properties is None:
            return None
    link = sent.link
    labels = (
        sent.variant, sent.platform, sent.segment, sent.device, sent.country,
        None if link is None else rules.reduced_link(link) or None,
    )  # fmt: skip
    return Fact(
        sent.id, kind, campaign.stream, at, contact, None if labels == _NO_LABELS else labels, sent.quantity or 1,
        amount, type, sent.order_id, sent.name, sent.voids, properties or None,
    )  # fmt: skip


def _amount(value: SentMoney, kind: int, campaign: CampaignRef) -> int | None:
    if value.currency != campaign.currency or (value.amount is None) is (value.amount_micros is None):
        return None
    if kind != SPEND:
        return value.amount
    if value.amount is not None:
        return rules.micros(value.amount, campaign.exponent)
    micros = value.amount_micros
    most = rules.micros(rules.LARGEST_AMOUNT, campaign.exponent)
    return micros if micros is not None and micros <= most else None


def _is_name(name: str | None) -> bool:
    return name is not None and rules.NAME.fullmatch(name) is not None and name not in KINDS


def _needs_a_look(sent: SentFact) -> bool:
    texts = (
        sent.id, sent.order_id, sent.contact_id, sent.voids, sent.variant, sent.platform, sent.segment, sent.device,
        sent.country, sent.link,
    )  # fmt: skip
    return _SUSPECT.search("".join(filter(None, texts))) is not None or (
        sent.properties is not NO_PROPERTIES and is_suspect(bytes(sent.properties))
    )


def _properties(raw: msgspec.Raw) -> bytes | None:
    """The properties as they are stored; empty where there are none, None where they break a rule."""
    if len(raw) > _MOST_RAW_PROPERTIES:
        return None
    if bytes(raw) == b"null":
        return b""
    try:
        found = _PROPERTIES.decode(raw)
    except _NOT_DECODED:
        return None
    if len(found) > rules.MOST_PROPERTIES:
        return None
    encoded = encode(found)
    return encoded if len(encoded) <= rules.MOST_PROPERTY_BYTES else None
