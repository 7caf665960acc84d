"""Every measure of a campaign, as it is answered."""

from __future__ import annotations

from decimal import Decimal

import msgspec

Money = int | Decimal
"""Minor units; a whole number is an int, micros may leave a fraction, which is exact."""


class Bots(msgspec.Struct, frozen=True):
    """What ``rule`` calls automatic; left out of every other figure."""

    rule: str
    impressions: int = 0
    opens: int = 0
    clicks: int = 0


class Rates(msgspec.Struct, frozen=True):
    """Shares as api.md §5 defines them; None where the denominator is 0."""

    delivery: float | None = None
    bounce: float | None = None
    open: float | None = None
    click: float | None = None
    click_to_open: float | None = None
    ctr: float | None = None
    conversion: float | None = None
    conversion_per_impression: float | None = None
    unsubscribe: float | None = None
    complaint: float | None = None


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts are sums of quantities; ``exposures`` (assigned to a variant) stand in no rate. ``reach`` and
    ``unique_*`` are distinct contacts. Money is in minor units, ``cpm`` ``cpc`` ``cpa`` ``average_order`` too,
    not rounded."""

    exposures: int
    sent: int
    delivered: int
    bounced: int
    complained: int
    unsubscribed: int
    impressions: int
    opens: int
    clicks: int
    conversions: int
    custom: dict[str, int]
    reach: int
    unique_opens: int
    unique_clicks: int
    unique_conversions: int
    revenue: Money
    refunds: Money
    spend: Money
    conversions_by_type: dict[str, int]
    bots: Bots
    rates: Rates
    cpm: float | None
    cpc: float | None
    cpa: float | None
    roas: float | None
    roi: float | None
    average_order: float | None


class Group(Measures, frozen=True, kw_only=True):
    """The measures of the facts that share ``key``: a value for each dimension that was asked for."""

    key: dict[str, str | None]


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """``computed`` says that unique counts had to be counted for this question, in time linear in the
    campaign's contacts or, for windows and times, its facts. ``horizon`` is there where the answer would need facts
    recorded before it, which were dropped; ``rule`` where the figures kept under one were asked for."""

    campaign_id: str
    currency: str
    total: Measures
    groups: list[Group]
    computed: bool
    horizon: str | msgspec.UnsetType = msgspec.UNSET
    rule: str | msgspec.UnsetType = msgspec.UNSET
