"""Reading what a client sent: every fault is collected with its pointer, nothing is guessed.

A ``Value`` is one place in a JSON document. Its methods answer the typed value, or None where the place is
empty (absent or null) or faulty; a fault has then been added to the list that the whole document shares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from domain.shared.errors import Fault, Invalid
from domain.shared.money import EXPONENTS, LARGEST_AMOUNT, Money
from domain.shared.times import moment, time_zones

Choice = TypeVar("Choice", bound=StrEnum)

_LONGEST_NAME_IN_A_FAULT = 100
_MOST_FAULTS = 200


def step(pointer: str, name: str) -> str:
    """The pointer of a member (RFC 6901). Hostile names are cut and made encodable: it has to be found."""
    safe = name[:_LONGEST_NAME_IN_A_FAULT].encode("utf-8", "replace").decode("utf-8")
    return f"{pointer}/{safe.replace('~', '~0').replace('/', '~1')}"


@dataclass(frozen=True)
class Value:
    """One place of a document: what stands there, where it is, and the faults found so far."""

    raw: Any
    pointer: str
    faults: list[Fault]

    @property
    def empty(self) -> bool:
        """Nothing stands here: absent or null."""
        return self.raw is None

    def fault(self, code: str, detail: str) -> None:
        """Say what is wrong here. A hostile document does not get an endless answer."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(self.pointer, code, detail))

    def required(self) -> Value:
        """The same place, with a fault where it is empty."""
        if self.empty:
            self.fault("required", "This field is required.")
        return self

    def field(self, name: str) -> Value:
        """A member of an object; empty where this is no object."""
        return Value(
            self.raw.get(name) if isinstance(self.raw, dict) else None, step(self.pointer, name), self.faults
        )

    def fields(self, known: Iterable[str], reserved: Iterable[str] = ()) -> bool:
        """Whether an object stands here. Members that are unknown or reserved are refused by name."""
        if self.empty:
            return False
        if not isinstance(self.raw, dict):
            self.fault("object", "Must be an object.")
            return False
        known, reserved = frozenset(known), frozenset(reserved)
        for name in self.raw:
            if name in reserved:
                self.field(name).fault("reserved", f"{name} is reserved for a later version; leave it out.")
            elif name not in known:
                self.field(name).fault("unknown_field", "This field is not known; leave it out.")
        return True

    def items(self, most: int) -> list[Value]:
        """The members of an array of at most ``most``."""
        if self.empty:
            return []
        if not isinstance(self.raw, list):
            self.fault("array", "Must be an array.")
            return []
        if len(self.raw) > most:
            self.fault("too_many", f"At most {most} items.")
            return []
        return [Value(item, f"{self.pointer}/{index}", self.faults) for index, item in enumerate(self.raw)]

    def text(self, longest: int, shortest: int = 0) -> str | None:
        """A text of ``shortest`` to ``longest`` characters that can be stored: no NUL, no lone surrogate."""
        if self.empty:
            return None
        if not isinstance(self.raw, str):
            self.fault("string", "Must be a string.")
        elif len(self.raw) > longest:
            self.fault("too_long", f"At most {longest} characters.")
        elif len(self.raw) < shortest:
            self.fault("too_short", f"At least {shortest} character{'s' if shortest > 1 else ''}.")
        elif "\0" in self.raw:
            self.fault("nul", "Must not contain the character NUL.")
        elif not _encodable(self.raw):
            self.fault("surrogate", "Must not contain lone surrogates.")
        else:
            return self.raw
        return None

    def choice(self, among: type[Choice]) -> Choice | None:
        """One of the words of ``among``."""
        if self.empty:
            return None
        try:
            return among(self.raw)
        except ValueError:
            self.fault("choice", f"Must be one of: {', '.join(among)}.")
            return None

    def integer(self, least: int, most: int) -> int | None:
        """A whole number from ``least`` to ``most``."""
        if self.empty:
            return None
        if isinstance(self.raw, bool) or not isinstance(self.raw, int):
            self.fault("integer", "Must be an integer.")
        elif not least <= self.raw <= most:
            self.fault("range", f"Must lie between {least} and {most}.")
        else:
            return self.raw
        return None

    def number(self, least: float = -math.inf, most: float = math.inf) -> float | None:
        """A number from ``least`` to ``most``, none beyond those of 64 bits; a whole one stays whole."""
        if self.empty:
            return None
        if isinstance(self.raw, bool) or not isinstance(self.raw, int | float):
            self.fault("number", "Must be a number.")
        elif not _finite(self.raw):
            self.fault("number", "Must be a finite number.")
        elif not least <= self.raw <= most:
            self.fault("range", f"Must lie between {least:g} and {most:g}.")
        else:
            return self.raw
        return None

    def flag(self) -> bool | None:
        """True or false."""
        if self.empty:
            return None
        if isinstance(self.raw, bool):
            return self.raw
        self.fault("boolean", "Must be true or false.")
        return None

    def currency(self) -> str | None:
        """An ISO 4217 code."""
        if self.empty:
            return None
        if isinstance(self.raw, str) and self.raw in EXPONENTS:
            return self.raw
        self.fault("currency", "Must be an ISO 4217 code in capitals, such as USD.")
        return None

    def money(self, currency: str | None, least: int = 0) -> Money | None:
        """Money in ``currency``, of at least ``least`` minor units.

        Where that currency is None, because it was itself faulty, any will do.
        """
        if not self.fields(("amount", "currency")):
            return None
        amount = self.field("amount").required().integer(least, LARGEST_AMOUNT)
        place = self.field("currency").required()
        found = place.currency()
        if found is not None and currency is not None and found != currency:
            place.fault("other_currency", f"Must be {currency}, the currency of the campaign.")
            return None
        return None if amount is None or found is None else Money(amount, found)

    def moment(self) -> datetime | None:
        """A moment: RFC 3339 with an offset, answered in UTC."""
        if self.empty:
            return None
        found = moment(self.raw) if isinstance(self.raw, str) else None
        if found is None:
            self.fault(
                "time", "Must be a time as RFC 3339 with an offset, such as 2026-12-01T09:00:00+01:00."
            )
        return found

    def time_zone(self) -> str | None:
        """The name of an IANA time zone."""
        if self.empty:
            return None
        if isinstance(self.raw, str) and self.raw in time_zones():
            return self.raw
        self.fault("time_zone", "Must be the name of an IANA time zone, such as Europe/Paris.")
        return None

    def uuid(self) -> UUID | None:
        """A UUID in its usual form of 36 characters."""
        if self.empty:
            return None
        if isinstance(self.raw, str) and len(self.raw) == 36:
            try:
                return UUID(self.raw)
            except ValueError:
                pass
        self.fault("uuid", "Must be a UUID.")
        return None


def document(raw: Any) -> Value:
    """The root of what a client sent: an object, or ``Invalid`` at once."""
    root = Value(raw, "", [])
    if not isinstance(raw, dict):
        root.fault("object", "Must be an object.")
        raise Invalid(root.faults)
    return root


def _finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole one
        return False


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
