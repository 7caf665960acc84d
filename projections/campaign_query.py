"""How campaigns are looked for: filters, sort, and a place in the order to go on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.campaign.resource import present
from domain.campaign.state import CampaignState
from domain.shared.errors import Fault, Invalid
from projections.campaign_list import CAMPAIGN_LIST
from projections.campaign_metrics.reached import SUMS, figures

SORTS = {"created_at": "created_at", "updated_at": "updated_at", "name": "name"}
NEWEST_FIRST = "-created_at"


@dataclass(frozen=True)
class CampaignQuery:
    """Filters are combined; None asks for nothing. Several ``statuses`` are alternatives.

    Archived campaigns come only where ``statuses`` names them, deleted ones too only with ``deleted``.
    ``text`` is looked for in name, description and tags, whatever the case. ``created_from`` is included,
    ``created_to`` is not. ``after`` is the ``place`` of the last row of the page before.
    """

    statuses: tuple[str, ...] = ()
    type: str | None = None
    platform: str | None = None
    tag: str | None = None
    text: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    deleted: bool = False
    sort: str = NEWEST_FIRST
    limit: int = 50
    after: tuple[str, UUID] | None = None


@dataclass(frozen=True)
class CampaignItem:
    """A campaign as api.md §4 writes it, and its place in the order that was asked for."""

    resource: dict[str, Any]
    place: tuple[str, UUID]


_STATEMENT = """
with page as materialized (
  select c.* from $list.campaigns c
   where c.workspace = %(workspace)s $conditions
   order by c.$column $way, c.id $way limit %(limit)s + 1
)
select (select min(high) from $list.checkpoints where log = 'events'),
    (select min(high) from $metrics.checkpoints where log = 'engagement'),
    p.id, p.version, p.created_at, p.updated_at, p.name, p.state, f.*
  from (select) one
  left join page p on true
  left join lateral (
    select $sums
      from $metrics.totals t where t.campaign = p.stream
  ) f on true
 order by p.$column $way, p.id $way
"""

# Only what is asked stands in the statement: with "or not asked" beside each, the plan for all of them reads and sorts
# every campaign that there is.
_CONDITIONS = {
    "statuses": "and c.status = any(%(statuses)s)",
    "type": "and c.type = %(type)s",
    "platform": "and %(platform)s = any(c.platforms)",
    "tag": "and %(tag)s = any(c.tags)",
    "text": "and strpos(c.words, %(text)s) > 0",
    "created_from": "and c.created_at >= %(created_from)s",
    "created_to": "and c.created_at < %(created_to)s",
    "after": "and (c.$column, c.id) $beyond (%(after)s::$type, %(after_id)s::uuid)",
}
_NOT_DELETED = "and not c.deleted"
_NOT_ARCHIVED = "and c.status <> 'archived'"

_state = msgspec.json.Decoder(CampaignState)


def statement(query: CampaignQuery) -> tuple[str, dict[str, Any]]:
    """The statement and its parameters but for ``workspace``. Raises Invalid for an unknown sort."""
    column = query.sort.removeprefix("-")
    if column not in SORTS:
        choices = ", ".join([*SORTS, *(f"-{name}" for name in SORTS)])
        raise Invalid([Fault("/sort", "choice", f"sort is one of: {choices}.")])
    down = query.sort.startswith("-")
    after, after_id = query.after or (None, None)
    parameters = {
        "statuses": list(query.statuses) or None,
        "type": query.type,
        "platform": query.platform,
        "tag": query.tag,
        "text": None if query.text is None else query.text.lower(),
        "created_from": query.created_from,
        "created_to": query.created_to,
        "limit": query.limit,
        "after": after,
        "after_id": after_id,
    }
    conditions = [text for name, text in _CONDITIONS.items() if parameters[name] is not None]
    if not query.deleted:
        conditions.append(_NOT_DELETED)
    if not query.statuses:
        conditions.append(_NOT_ARCHIVED)
    text = (
        _STATEMENT.replace("$list", CAMPAIGN_LIST.schema)
        .replace("$conditions", " ".join(conditions))
        .replace("$sums", SUMS)
        .replace("$column", column)
        .replace("$type", "text" if column == "name" else "timestamptz")
        .replace("$beyond", "<" if down else ">")
        .replace("$way", "desc" if down else "asc")
    )
    return text, parameters


def item(query: CampaignQuery, columns: Sequence[Any]) -> CampaignItem:
    """An item from a row's columns after the two positions."""
    id, version, created_at, updated_at, name, state, conversions, revenue, engagement, spent = columns
    decoded = _state.decode(state)
    column = query.sort.removeprefix("-")
    place = {"name": name, "created_at": created_at.isoformat(), "updated_at": updated_at.isoformat()}[column]
    so_far = figures(decoded.settings.currency, conversions, revenue, engagement, spent)
    return CampaignItem(present(id, version, created_at, updated_at, decoded, so_far), (place, id))
