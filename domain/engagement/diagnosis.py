"""What is wrong with a fact that was refused: every fault at once, each with its pointer and its mend.

Facts that are right never come here; the API's typed decoding lets them pass. This is the same table of rules
in words, applied to the JSON value that a client sent.
"""

from __future__ import annotations

import json
from datetime import datetime
from itertools import islice
from math import isfinite
from typing import Any, Final

from domain.engagement import rules
from domain.engagement.kinds import CONVERSION, CONVERSION_TYPES, CUSTOM, KINDS, ORDERED, PRICED, SPEND, VOID
from domain.shared.errors import Fault
from domain.shared.money import EXPONENTS
from domain.shared.reading import Value

LABELS: Final = ("variant", "platform", "segment", "device", "country")
FIELDS: Final = (
    "id", "kind", "name", "campaign_id", "occurred_at", "contact_id", *LABELS, "link", "quantity", "value", "type",
    "order_id", "properties", "voids",
)  # fmt: skip
MOST_FAULTS: Final = 20
"""A hostile fact could otherwise make an answer far longer than itself."""

_OPAQUE = "send an opaque id of your own."
_EMAIL = f"An e-mail address must not stand here: {_OPAQUE}"


def faults_of(document: Any, pointer: str, now: datetime, currency: str | None, known: bool) -> list[Fault]:
    """The faults of one fact, at most ``MOST_FAULTS``; none where it is right.

    ``currency`` is that of its campaign; ``known`` says whether the workspace has that campaign. Both are asked
    by the caller, because a fact whose ``campaign_id`` is no UUID cannot be looked up.
    """
    fact = Value(_shortened(document), pointer, [])
    if not isinstance(document, dict):
        fact.fault("object", "A fact must be an object.")
        return fact.faults
    fact.fields(FIELDS)
    _identity(fact)
    kind = _kind(fact)
    _campaign(fact, known)
    _time(fact, now)
    _contact(fact)
    for label in LABELS:
        _clean(fact.field(label), rules.LONGEST_LABEL)
    _link(fact.field("link"))
    _quantity(fact)
    _value(fact.field("value"), kind, currency)
    _order(fact, kind)
    _properties(fact.field("properties"))
    return fact.faults[:MOST_FAULTS]


def _shortened(document: Any) -> Any:
    """A fact without most of the names that nobody knows, where there are more of them than are told."""
    if not isinstance(document, dict) or len(document) <= len(FIELDS) + MOST_FAULTS:
        return document
    unknown = islice((name for name in document if name not in FIELDS), MOST_FAULTS)
    return {name: document[name] for name in (*unknown, *(name for name in FIELDS if name in document))}


def _identity(fact: Value) -> None:
    _clean(fact.field("id").required(), rules.LONGEST_ID)


def _clean(place: Value, longest: int) -> str | None:
    text = place.text(longest, 1)
    if text is not None and rules.holds_email(text):
        place.fault("email", _EMAIL)
    return text


def _kind(fact: Value) -> int | None:
    place = fact.field("kind").required()
    kind = KINDS.get(place.raw) if isinstance(place.raw, str) else None
    if kind is None and not place.empty:
        place.fault("choice", f"Must be one of: {', '.join(KINDS)}.")
    name, voids = fact.field("name"), fact.field("voids")
    if kind == CUSTOM:
        text = name.required().text(rules.LONGEST_NAME, 1)
        if text is not None and not rules.NAME.fullmatch(text):
            name.fault("name", "Must be 1 to 64 characters of a-z, 0-9, '_', '.' and '-'.")
        elif text in KINDS:
            name.fault("name", f"{text} is a kind of its own: send it as the kind.")
    elif kind is not None and not name.empty:
        name.fault("not_allowed", "Only a custom fact has a name.")
    if kind == VOID:
        voids.required().text(rules.LONGEST_ID, 1)
    elif kind is not None and not voids.empty:
        voids.fault("not_allowed", "Only a void names the fact that it takes back.")
    return kind


def _campaign(fact: Value, known: bool) -> None:
    place = fact.field("campaign_id").required()
    if place.uuid() is not None and not known:
        place.fault("unknown_campaign", "There is no such campaign in this workspace.")


def _time(fact: Value, now: datetime) -> None:
    place = fact.field("occurred_at")
    at = place.moment()
    if at is None:
        return
    if at < rules.EARLIEST:
        place.fault("range", "Must not lie before the year 2000.")
    elif at > now + rules.AHEAD:
        place.fault("range", "Must not lie more than 24 hours ahead.")


def _contact(fact: Value) -> None:
    place = fact.field("contact_id")
    text = place.text(rules.LONGEST_ID, 1)
    if text is not None and rules.is_personal(text):
        place.fault("personal", f"This looks like an e-mail address or a telephone number: {_OPAQUE}")


def _link(place: Value) -> None:
    text = place.text(rules.LONGEST_LINK, 1)
    if text is not None and rules.holds_email(rules.reduced_link(text)):
        place.fault("email", _EMAIL)


def _quantity(fact: Value) -> None:
    place = fact.field("quantity")
    quantity = place.integer(1, rules.LARGEST_QUANTITY)
    if quantity is not None and quantity != 1 and not fact.field("contact_id").empty:
        place.fault("quantity", "A fact with a contact_id has quantity 1: send one fact for each contact's act.")


def _value(place: Value, kind: int | None, currency: str | None) -> None:
    if place.empty:
        if kind in PRICED:
            place.fault("required", "A conversion, a refund and a spend need a value.")
        return
    if not place.fields(("amount", "currency", "amount_micros")):
        return
    unit = place.field("currency").required()
    found = unit.currency()
    if found is not None and currency is not None and found != currency:
        unit.fault("other_currency", f"Must be {currency}, the currency of the campaign.")
    amount, micros = place.field("amount"), place.field("amount_micros")
    if kind == SPEND and not micros.empty:
        if not amount.empty:
            micros.fault("not_allowed", "Send amount or amount_micros, not both.")
        largest = rules.micros(rules.LARGEST_AMOUNT, EXPONENTS.get(currency or found or "", 2))
        micros.integer(0, largest)
        return
    if not micros.empty:
        micros.fault("not_allowed", "Only a spend may be given in micros; send amount, in minor units.")
    else:
        amount.required()
    amount.integer(0, rules.LARGEST_AMOUNT)


def _order(fact: Value, kind: int | None) -> None:
    type, order = fact.field("type"), fact.field("order_id")
    if not type.empty:
        if kind is not None and kind != CONVERSION:
            type.fault("not_allowed", "Only a conversion has a type.")
        elif not isinstance(type.raw, str) or type.raw not in CONVERSION_TYPES:
            type.fault("choice", f"Must be one of: {', '.join(name for name in CONVERSION_TYPES if name)}.")
    if not order.empty and kind is not None and kind not in ORDERED:
        order.fault("not_allowed", "Only a conversion and a refund have an order_id.")
    else:
        _clean(order, rules.LONGEST_ID)


def _properties(place: Value) -> None:
    if place.empty:
        return
    if not isinstance(place.raw, dict):
        place.fault("object", "Must be an object.")
        return
    if len(place.raw) > rules.MOST_PROPERTIES:
        place.fault("too_many", f"At most {rules.MOST_PROPERTIES} properties.")
        return
    before = len(place.faults)
    for name, content in place.raw.items():
        _property(Value(name, place.field(name).pointer, place.faults), content)
    if len(place.faults) == before and _bytes(place.raw) > rules.MOST_PROPERTY_BYTES:
        place.fault("too_long", f"At most {rules.MOST_PROPERTY_BYTES} bytes of JSON.")


def _property(name: Value, content: Any) -> None:
    place = Value(content, name.pointer, name.faults)
    if name.text(rules.MOST_PROPERTY_BYTES) is None:
        return
    if isinstance(content, str):
        text = place.text(rules.MOST_PROPERTY_BYTES)
        if text is not None and rules.holds_email(text):
            place.fault("email", _EMAIL)
    elif isinstance(content, dict | list):
        place.fault("flat", "Properties are flat: text, numbers, true, false or null.")
    elif isinstance(content, float) and not isfinite(content):
        place.fault("range", "This number is too large.")
    if rules.holds_email(name.raw):
        place.fault("email", _EMAIL)


def _bytes(properties: dict[str, Any]) -> int:
    return len(json.dumps(properties, ensure_ascii=False, separators=(",", ":")).encode())
