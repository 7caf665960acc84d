"""Which facts are there: the raw ones, as they were sent, automatic and taken back ones too.

Those of a campaign come in the order in which they happened, the latest first; those of a contact or of the
whole workspace in the order in which they were recorded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.engagement import kinds
from domain.shared.errors import Fault, Invalid
from domain.shared.money import EXPONENTS
from domain.shared.times import written


@dataclass(frozen=True)
class FactQuery:
    """What is looked for. ``kind`` is a kind or the name of a custom fact; ``contact`` is the client's own
    id.

    ``after`` is the ``place`` of the last item of the page before.
    """

    campaign: UUID | None = None
    contact: str | None = None
    kind: str | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    limit: int = 50
    after: tuple[datetime, int] | None = None


class FactItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One fact. ``contact_id`` is None for none and once the contact was erased; ``name`` is that of a custom
    fact. ``value`` is in minor units, or in micros (``amount_micros``) where these are not whole. ``voided``
    says that a void takes it back."""

    id: str
    kind: str
    name: str | None
    campaign_id: str | None
    occurred_at: str
    recorded_at: str
    contact_id: str | None
    variant: str | None
    platform: str | None
    segment: str | None
    device: str | None
    country: str | None
    link: str | None
    quantity: int
    value: dict[str, Any] | None
    type: str | None
    order_id: str | None
    properties: dict[str, Any] | None
    voids: str | None
    voided: bool


@dataclass(frozen=True)
class FactRow:
    """An item and its place in the order: when it happened and its position."""

    item: FactItem
    place: tuple[datetime, int]


_STATEMENT = """
with asked as materialized (
  select (select stream from ballyhoo.streams
           where workspace = %(workspace)s and id = %(campaign)s and kind = 'campaign') as campaign,
      (select contact from ballyhoo.contact_ids
        where workspace = %(workspace)s and external = %(contact)s) as contact,
      coalesce(%(kind)s::int, (select kind from ballyhoo.custom_kinds
                                where workspace = %(workspace)s and name = %(name)s)) as kind,
      (select position from ballyhoo.log_heads where log = 'events') as events,
      (select min(high) from $schema.checkpoints where log = 'engagement') as engagement
),
page as materialized (
  select f.* from ballyhoo.facts f
   where f.workspace = %(workspace)s $conditions
   order by $order limit %(limit)s + 1
)
select a.events, a.engagement, a.campaign, a.kind, f.position, f.occurred_at, f.recorded_at, f.id, f.kind,
    k.name, s.id, s.currency, c.external, l.variant, l.platform, l.segment, l.device, l.country, l.link,
    f.quantity, f.amount, f.type, f.order_id, f.properties,
    (select t.id from ballyhoo.facts t where t.position = f.voids_position),
    f.voided or exists (select from $schema.taken_back t
                         where t.campaign = f.campaign and t.position = f.position)
  from asked a
  left join page f on true
  left join ballyhoo.custom_kinds k on f.kind >= 100 and k.kind = f.kind
  left join ballyhoo.streams s on s.stream = f.campaign
  left join ballyhoo.contact_ids c on c.contact = f.contact
  left join ballyhoo.label_sets l on l.id = f.labels
 order by $order
"""
_CONDITIONS = {
    "campaign": "and f.campaign = (select campaign from asked)",
    "contact": "and f.contact = (select contact from asked)",
    "kind": "and f.kind = (select kind from asked)",
    "custom": f"and f.kind >= {kinds.FIRST_CUSTOM}",
    "starts": "and f.occurred_at >= %(starts)s",
    "ends": "and f.occurred_at < %(ends)s",
    "after happened": "and (f.occurred_at, f.position) < (%(after_time)s, %(after_position)s)",
    "after recorded": "and f.position < %(after_position)s",
}
_BY_HAPPENED = "f.occurred_at desc, f.position desc"
_BY_RECORDED = "f.position desc"


def statement(query: FactQuery) -> tuple[str, dict[str, Any]]:
    """The statement and its parameters but for ``workspace``."""
    happened = query.campaign is not None
    conditions = [name for name in ("campaign", "contact", "starts", "ends") if getattr(query, name) is not None]
    if query.kind is not None:
        conditions.append("custom" if query.kind == "custom" else "kind")
    if query.after is not None:
        conditions.append("after happened" if happened else "after recorded")
    text = _STATEMENT.replace("$conditions", " ".join(_CONDITIONS[name] for name in conditions))
    after_time, after_position = query.after or (None, None)
    return text.replace("$order", _BY_HAPPENED if happened else _BY_RECORDED), {
        "campaign": query.campaign,
        "contact": query.contact,
        "kind": kinds.KINDS.get(query.kind or ""),
        "name": query.kind,
        "starts": query.starts,
        "ends": query.ends,
        "limit": query.limit,
        "after_time": after_time,
        "after_position": after_position,
    }


@dataclass(frozen=True)
class Found:
    """What the statement found; ``campaign`` says whether there is the one that was asked for."""

    campaign: bool
    events: int
    engagement: int
    rows: list[FactRow]


def answered(query: FactQuery, rows: Sequence[Sequence[Any]]) -> Found:
    """From the statement's rows. Raises Invalid for a kind that is none."""
    events, engagement, campaign, kind = rows[0][:4]
    if query.kind is not None and kind is None:
        detail = f"{query.kind[:64]!r} is neither a kind nor the name of a custom fact."
        raise Invalid([Fault("/kind", "kind", detail)])
    found = [_row(row[4:]) for row in rows if row[4] is not None]
    return Found(campaign is not None, events, engagement, found)


def _row(columns: Sequence[Any]) -> FactRow:
    position, occurred_at, recorded_at, id, kind, name, campaign, currency, contact, *rest = columns
    (
        variant,
        platform,
        segment,
        device,
        country,
        link,
        quantity,
        amount,
        type,
        order,
        properties,
        voids,
        voided,
    ) = rest
    item = FactItem(
        id=id,
        kind=kinds.NAMES[kind if kind < kinds.FIRST_CUSTOM else kinds.CUSTOM],
        name=name,
        campaign_id=None if campaign is None else str(campaign),
        occurred_at=written(occurred_at),
        recorded_at=written(recorded_at),
        contact_id=contact,
        variant=variant,
        platform=platform,
        segment=segment,
        device=device,
        country=country,
        link=link,
        quantity=quantity,
        value=None if amount is None else _value(kind, amount, currency),
        type=kinds.CONVERSION_TYPE_NAMES.get(type),
        order_id=order,
        properties=None if properties is None else json.loads(properties),
        voids=voids,
        voided=voided,
    )
    return FactRow(item, (occurred_at, position))


def _value(kind: int, amount: int, currency: str) -> dict[str, Any]:
    if kind != kinds.SPEND:
        return {"amount": amount, "currency": currency}
    units, rest = divmod(amount * 10 ** EXPONENTS[currency], 10**6)
    return {"amount_micros": amount, "currency": currency} if rest else {"amount": units, "currency": currency}
