"""From customers to the facts that a shop would send about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from uuid_utils.compat import uuid7

from infra.demo.customers import Customer
from infra.demo.figures import MAIL_COSTS

STARTS = datetime(2008, 3, 3, 8, tzinfo=UTC)
"""The file says "within two weeks", not which: these two are as good as any."""

DAYS = 14

_LAST_DAYS = 2
"""What a visit and a conversion may take after the mail."""


@dataclass(frozen=True)
class Moments:
    """When the facts about one customer happened. They follow from the number of the row alone."""

    sent: datetime
    delivered: datetime
    visited: datetime
    converted: datetime

    @staticmethod
    def of(customer: Customer) -> Moments:
        """All within the two weeks; a prime stride spreads neighbours over all days and hours."""
        sent = STARTS + timedelta(seconds=customer.number * 7919 % ((DAYS - _LAST_DAYS) * 86400))
        delivered = sent + timedelta(seconds=1 + customer.number % 29)
        visited = delivered + timedelta(seconds=30 + customer.number * 104729 % (40 * 3600))
        return Moments(sent, delivered, visited, visited + timedelta(seconds=60 + customer.number % 3000))


def about_customers(campaign_id: str, customers: Sequence[Customer]) -> Iterator[dict[str, Any]]:
    """For each customer: an exposure, the mail where one went out, a visit as a click, what was bought."""
    for customer in customers:
        at = Moments.of(customer)
        yield _fact(campaign_id, customer, "exposure", at.sent)
        if customer.mailed:
            yield _fact(campaign_id, customer, "sent", at.sent)
            yield _fact(campaign_id, customer, "delivery", at.delivered)
        if customer.visited:
            yield _fact(campaign_id, customer, "click", at.visited)
        if customer.converted:
            bought = {"type": "purchase", "value": {"amount": customer.spend, "currency": "USD"}}
            yield _fact(campaign_id, customer, "conversion", at.converted) | bought


def of_cost(campaign_id: str, customers: Sequence[Customer]) -> list[dict[str, Any]]:
    """Ten cents a mail, as a provider bills it: one ``spend`` for each mailed variant and day."""
    return [
        {
            "id": str(uuid7()),
            "kind": "spend",
            "campaign_id": campaign_id,
            "occurred_at": datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC).isoformat(),
            "variant": variant,
            "platform": "email",
            "value": {"amount": MAIL_COSTS * count, "currency": "USD"},
        }
        for (variant, day), count in sorted(_mails(customers).items())
    ]


def how_many(customers: Sequence[Customer]) -> int:
    """How many facts all of that makes."""
    about = sum(1 + 2 * customer.mailed + customer.visited + customer.converted for customer in customers)
    return about + len(_mails(customers))


def with_every_cent(customers: Sequence[Customer]) -> tuple[list[Customer], int]:
    """The customers with what was spent in rows without a conversion added to the first conversion of the
    same arm, and the cents moved so.

    Revenue comes with conversions only. The shipped file has no such row; one that was changed by hand may.
    """
    strays = Counter[str]()
    for customer in customers:
        if not customer.converted:
            strays[customer.variant] += customer.spend
    moved = 0
    kept = []
    for customer in customers:
        stray = strays.pop(customer.variant, 0) if customer.converted else 0
        moved += stray
        kept.append(replace(customer, spend=customer.spend + stray) if stray else customer)
    return kept, moved


def _mails(customers: Sequence[Customer]) -> Counter[tuple[str, date]]:
    return Counter((customer.variant, Moments.of(customer).sent.date()) for customer in customers if customer.mailed)


def _fact(campaign_id: str, customer: Customer, kind: str, at: datetime) -> dict[str, Any]:
    fact = {
        "id": str(uuid7()),
        "kind": kind,
        "campaign_id": campaign_id,
        "occurred_at": at.isoformat(),
        "contact_id": f"customer-{customer.number}",
        "variant": customer.variant,
    }
    return fact | {"platform": "email"} if customer.mailed else fact
