"""The kinds of facts: their names outside, their numbers in the log.

A ``custom`` fact carries a name; the log gives each name of a workspace a number from ``FIRST_CUSTOM`` on.
"""

from __future__ import annotations

from typing import Final

EXPOSURE: Final = 1
SENT: Final = 2
DELIVERY: Final = 3
BOUNCE: Final = 4
COMPLAINT: Final = 5
UNSUBSCRIBE: Final = 6
IMPRESSION: Final = 7
OPEN: Final = 8
CLICK: Final = 9
CONVERSION: Final = 10
REFUND: Final = 11
SPEND: Final = 12
VOID: Final = 13

CUSTOM: Final = 0
"""Stands in a fact until the log has numbered its name."""
FIRST_CUSTOM: Final = 100

KINDS: Final[dict[str, int]] = {
    "exposure": EXPOSURE,
    "sent": SENT,
    "delivery": DELIVERY,
    "bounce": BOUNCE,
    "complaint": COMPLAINT,
    "unsubscribe": UNSUBSCRIBE,
    "impression": IMPRESSION,
    "open": OPEN,
    "click": CLICK,
    "conversion": CONVERSION,
    "refund": REFUND,
    "spend": SPEND,
    "custom": CUSTOM,
    "void": VOID,
}
NAMES: Final[dict[int, str]] = {number: name for name, number in KINDS.items()}

CONVERSION_TYPES: Final[dict[str | None, int]] = {
    None: 0,
    "purchase": 1,
    "subscription": 2,
    "click": 3,
    "engagement": 4,
}
CONVERSION_TYPE_NAMES: Final[dict[int, str]] = {
    number: name for name, number in CONVERSION_TYPES.items() if name is not None
}

PRICED: Final = frozenset({CONVERSION, REFUND, SPEND})
"""Kinds that need a value."""
ORDERED: Final = frozenset({CONVERSION, REFUND})
"""Kinds that may name an order."""
