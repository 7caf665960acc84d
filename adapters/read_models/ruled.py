"""The rules, which of them have figures of their own, and how these differ from the live ones."""

from __future__ import annotations

from adapters.postgres.pool import Pool
from adapters.read_models.schemas import rule_schema
from domain.shared.errors import NotFound
from projections.campaign_metrics import CAMPAIGN_METRICS, comparison
from projections.campaign_metrics.comparison import Comparison
from projections.status import Rule

# What is kept is a schema; the names inside it are digests.
_RULES = """
select r.name, r.kind, r.live, r.definition,
    to_regnamespace(%(prefix)s || substr(encode(sha256(r.name::bytea), 'hex'), 1, 12)) is not null
  from ballyhoo.rules r order by r.name
"""
_KEPT = """
select r.live, r.definition ->> 'time_zone', to_regnamespace(%s) is not null from ballyhoo.rules r where r.name = %s
"""


async def rules(pool: Pool) -> list[Rule]:
    """The rules, in the order of their names."""
    rows = await pool.rows(_RULES, {"prefix": rule_schema(CAMPAIGN_METRICS, "")})
    return [
        Rule(name=name, kind=kind, live=live, kept=live or kept, definition=definition)
        for name, kind, live, definition, kept in rows
    ]


async def schema_of(pool: Pool, rule: str) -> tuple[str, str | None]:
    """The schema of the figures under a rule, and its time zone where it is one of time zones. NotFound."""
    kept = rule_schema(CAMPAIGN_METRICS, rule)
    rows = await pool.rows(_KEPT, (kept, rule)) if "\0" not in rule else []
    if rows and rows[0][2]:
        return kept, rows[0][1]
    if rows and rows[0][0]:
        return CAMPAIGN_METRICS.schema, None
    raise NotFound(f"No figures are kept under a rule {rule[:64]!r}.")


async def compare(
    pool: Pool, workspace: int, rule: str, limit: int, after: int | None
) -> tuple[Comparison, int | None, int, int]:
    """The campaigns that differ, where the next page begins, and the positions of events and engagement. NotFound."""
    kept, _ = await schema_of(pool, rule)
    statement = comparison.statement(CAMPAIGN_METRICS.schema, kept)
    rows = await pool.rows(statement, {"workspace": workspace, "after": after, "limit": limit})
    found, more = comparison.answered(rule, rows, limit)
    return found, more, rows[0][2], min(rows[0][0], rows[0][1])


