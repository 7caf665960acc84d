"""What a fact may say, as limits and as rules about single values. The table of them all is in the API's
description of ``POST /v1/track``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import unquote

LONGEST_ID: Final = 128
LONGEST_LABEL: Final = 64
LONGEST_LINK: Final = 2_048
LONGEST_NAME: Final = 64
LARGEST_QUANTITY: Final = 10**9
LARGEST_AMOUNT: Final = 10**12
MOST_PROPERTIES: Final = 32
MOST_PROPERTY_BYTES: Final = 4_096
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD: Final = timedelta(hours=24)

NAME: Final = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII)
UUID_TEXT: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)

AT_SIGNS: Final = ("@", "＠", "﹫")
_LOCAL_PART_END = re.compile(r"[\w.!#$%&'*+=?^`{|}~\"-]")
"""Without the slash that RFC 5322 allows: it leads to the handles of social platforms."""
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)*\.(?:xn--[a-z0-9-]+|[^\W\d_]{2,})", re.IGNORECASE)
_DIGIT = r"[\s().\-/]*\d"
_PHONE = re.compile(rf"\+(?:{_DIGIT}){{8,15}}(?!{_DIGIT})")


def has_at_sign(text: str) -> bool:
    """Whether the text holds an at sign, in any of its widths."""
    return any(sign in text for sign in AT_SIGNS)


def holds_email(text: str) -> bool:
    """Whether an e-mail address stands somewhere in the text, percent-encoded or not."""
    if "%" in text:
        text = unquote(text)
    for sign in AT_SIGNS[1:]:
        text = text.replace(sign, "@")
    at = text.find("@")
    while at >= 0:
        # Looked for from each at sign outwards: a search for the local part first would take quadratic time.
        if at > 0 and _LOCAL_PART_END.match(text, at - 1) and _DOMAIN.match(text, at + 1):
            return True
        at = text.find("@", at + 1)
    return False


def is_personal(contact_id: str) -> bool:
    """Whether a contact id looks like an e-mail address or a telephone number: an at sign, or a plus and 8 to 15
    digits (E.164), however they are grouped."""
    return has_at_sign(contact_id) or _PHONE.search(contact_id) is not None


def reduced_link(link: str) -> str:
    """A link without its fragment and without its query but for ``utm_*``: what else stands there often names a
    person."""
    if "?" not in link and "#" not in link:
        return link
    link = link.partition("#")[0]
    path, _, query = link.partition("?")
    kept = "&".join(pair for pair in query.split("&") if pair[:4].lower() == "utm_")
    return f"{path}?{kept}" if kept else path


def micros(amount: int, exponent: int) -> int:
    """Minor units as micros (10⁻⁶) of the major unit, for a currency with ``exponent`` decimal places."""
    return int(amount * 10 ** (6 - exponent))
