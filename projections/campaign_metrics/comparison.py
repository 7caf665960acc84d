"""Which campaigns have other figures under a kept rule than under the live one.

A campaign differs when a row of its totals, of its unique counts or of its days does. Hashes of rows are added up
without order, for each campaign under each rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

STATEMENT = """
with mine as materialized (
  select stream, id from ballyhoo.streams
   where workspace = %(workspace)s and kind = 'campaign' and (%(after)s::int is null or stream > %(after)s)
),
hashed as (
  select campaign, 'live' as side, hash_record_extended(t.*, 1) as hash from $schema.totals t
  union all select campaign, 'live', hash_record_extended(t.*, 2) from $schema.uniques t
  union all select campaign, 'live', hash_record_extended(t.*, 3) from $schema.days t
  union all select campaign, 'kept', hash_record_extended(t.*, 1) from $kept.totals t
  union all select campaign, 'kept', hash_record_extended(t.*, 2) from $kept.uniques t
  union all select campaign, 'kept', hash_record_extended(t.*, 3) from $kept.days t
),
mixed as (
  select campaign, coalesce(bit_xor(hash) filter (where side = 'live'), 0) as live,
      coalesce(bit_xor(hash) filter (where side = 'kept'), 0) as kept
    from hashed where campaign in (select stream from mine) group by campaign
),
differing as materialized (
  select m.campaign, s.id from mixed m join mine s on s.stream = m.campaign
   where m.live <> m.kept order by m.campaign limit %(limit)s + 1
)
select (select min(high) from $schema.checkpoints), (select min(high) from $kept.checkpoints),
    (select position from ballyhoo.log_heads where log = 'events'), d.campaign, d.id,
    (select $figures from $schema.totals t where t.campaign = d.campaign),
    (select $figures from $kept.totals t where t.campaign = d.campaign),
    (select $unique from $schema.uniques u where u.campaign = d.campaign and u.dimension = 0),
    (select $unique from $kept.uniques u where u.campaign = d.campaign and u.dimension = 0)
  from (select) one left join differing d on true order by d.campaign
"""
_FIGURES = """array[sum(n) filter (where kind = 7), sum(n) filter (where kind = 8), sum(n) filter (where kind = 9),
      sum(n) filter (where kind = -7), sum(n) filter (where kind = -8), sum(n) filter (where kind = -9)]"""
_UNIQUE = "array[sum(u.reach), sum(u.opens), sum(u.clicks)]"

_NAMES = (
    "impressions", "opens", "clicks", "bot_impressions", "bot_opens", "bot_clicks", "reach", "unique_opens",
    "unique_clicks",
)  # fmt: skip


class Differing(msgspec.Struct, frozen=True):
    """A campaign that differs: the figures that a rule can move, under the live rule and under the kept one. Where all
    of them are equal, it is the days that differ."""

    campaign_id: str
    live: dict[str, int]
    kept: dict[str, int]


class Comparison(msgspec.Struct, frozen=True):
    """The campaigns of a workspace that differ under ``rule``. ``at_same_position`` says that both sides reflect the
    same facts; where not, facts that one of them has not read yet make a difference too."""

    rule: str
    at_same_position: bool
    items: list[Differing]


def statement(schema: str, kept: str) -> str:
    """The statement for two schemas. Parameters: ``workspace``, ``after`` (a campaign's number), ``limit``."""
    text = STATEMENT.replace("$figures", _FIGURES).replace("$unique", _UNIQUE)
    return text.replace("$schema", schema).replace("$kept", kept)


def answered(rule: str, rows: Sequence[Sequence[Any]], limit: int) -> tuple[Comparison, int | None]:
    """The answer, and the number after which the next page begins."""
    live, kept = rows[0][:2]
    found = [row for row in rows if row[3] is not None]
    items = [_differing(row[4], row[5:9]) for row in found[:limit]]
    return Comparison(rule, live == kept, items), found[limit - 1][3] if len(found) > limit else None


def _differing(id: UUID, columns: Sequence[Any]) -> Differing:
    live, kept, live_unique, kept_unique = ([int(value or 0) for value in side or ()] for side in columns)
    return Differing(
        str(id),
        dict(zip(_NAMES, live + (live_unique or [0, 0, 0]), strict=True)),
        dict(zip(_NAMES, kept + (kept_unique or [0, 0, 0]), strict=True)),
    )
