"""The tables of one campaign as they were at a position: temporary ones, filled by the fold's own statements.

Only the tables that a question reads are filled, and only those that the statements name are made: to make tables is
most of what it costs. They go with the transaction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import AsyncConnection, sql

from adapters.archive.catalogue import NOTHING, UP_TO, Found, Wanted
from adapters.archive.overlay import filling, lay_beside, look_beside, making, over, readying
from adapters.read_models.schemas import CHECKPOINTS, TEMPORARY, definition
from domain.shared.position import Position
from projections.projection import FactProjection, apart

_PLACE = sql.SQL("set local search_path to pg_temp, ballyhoo")
_PLANNING = "set local plan_cache_mode = force_custom_plan"

_ALWAYS = {"rule", "taken_back"}

_CHECKPOINTS = """
insert into checkpoints (log, part, epoch, high)
select 'engagement', part, %s, %s from ballyhoo.settings, generate_series(0, value::int - 1) part
 where settings.name = 'partitions'
"""
_RULE = "insert into rule select * from {}.rule"
_TAKEN_BACK = """
insert into taken_back
select t.campaign, t.position from ballyhoo.facts v
  join ballyhoo.facts t on t.position = v.voids_position and t.campaign - v.campaign = 0 and t.kind <> 13
 where v.campaign = %s and v.kind = 13 and v.position <= %s
"""


async def remember(
    connection: AsyncConnection[Any],
    projection: FactProjection,
    schema: str,
    campaign: int,
    position: Position,
    question: str,
) -> Found:
    """Make and fill what ``question`` reads, inside the caller's transaction; the rule is that of
    ``schema``. Gives what of the campaign's facts is archived: with blocks, the question is asked ``over`` them."""
    archived = await remember_archived(connection, Wanted(campaigns=(campaign,), high=position.engagement))
    say = over if archived.blocks else str
    await connection.execute(_PLANNING)
    filled = _needed(projection, question)
    read = [question, projection.from_campaign, *(projection.fold[name] for name in filled)]
    await connection.execute(sql.SQL("; ").join(_made(projection, read)), prepare=False)
    await connection.execute(_CHECKPOINTS, (position.epoch, position.engagement), prepare=False)
    await connection.execute(sql.SQL(_RULE).format(sql.Identifier(schema)), prepare=False)
    await connection.execute(say(_TAKEN_BACK).encode(), (campaign, position.engagement), prepare=False)
    whole = {"campaign": campaign, "starts": ["-infinity"], "ends": ["infinity"], "sign": 1}
    from_campaign = projection.from_campaign
    if schema != projection.schema:
        from_campaign = apart(from_campaign, schema)
    await connection.execute(say(from_campaign).encode(), whole, prepare=False)
    for table_name in filled:
        await connection.execute(projection.fold[table_name].encode(), prepare=False)
    return archived


def _made(projection: FactProjection, read: Sequence[str]) -> Iterator[sql.Composable]:
    named = set(re.findall(r"\w+", " ".join(read)))
    for table in projection.tables:
        if table.name in named | _ALWAYS:
            yield from definition(table, sql.Identifier(TEMPORARY))
    yield from definition(CHECKPOINTS, sql.Identifier(TEMPORARY))
    for relation in projection.relations:
        yield sql.SQL(relation.replace("on commit delete rows", "on commit drop"))
    yield _PLACE


async def remember_archived(connection: AsyncConnection[Any], wanted: Wanted) -> Found:
    """Lay what is archived of it beside the facts in the database until the caller's transaction ends. Damaged."""
    reach = await (await connection.execute(UP_TO)).fetchone()
    archived = await look_beside(connection, wanted) if reach and reach[0] > wanted.low else NOTHING
    if archived.blocks:
        await lay_beside(connection, making())
        await lay_beside(connection, filling(archived.blocks, wanted))
        await lay_beside(connection, readying())
    return archived


def _needed(projection: FactProjection, question: str) -> list[str]:
    """The tables that the question reads, and those that these need, in the order of the fold."""
    read = {name for name in projection.fold if f"$schema.{name} " in question.replace("\n", " ")}
    for name in tuple(read):
        read |= set(projection.needs.get(name, ()))
    return [name for name in projection.fold if name in read]
