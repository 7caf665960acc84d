"""A fact: something that happened to a campaign, told by a client, checked and ready for the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

Labels = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
"""variant, platform, segment, device, country, link."""


@dataclass(slots=True)
class Fact:
    """One checked fact.

    ``campaign`` is the number of the campaign's stream. ``amount`` is in minor units for a conversion and a
    refund, and in micros of the major unit for a spend. ``properties`` is JSON text in UTF-8. ``occurred_at``
    is None where the client left it to the time of receipt. ``labels`` is None where there are none at all.
    """

    id: str
    kind: int
    campaign: int | None
    occurred_at: datetime | None = None
    contact: str | None = None
    labels: Labels | None = None
    quantity: int = 1
    amount: int | None = None
    type: int = 0
    order_id: str | None = None
    name: str | None = None
    voids: str | None = None
    properties: bytes | None = None
