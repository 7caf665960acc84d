"""Rules in a plain table."""

from __future__ import annotations

import json

from adapters.postgres.pool import Pool
from application.ports_rules import Rule, RuleExists
from domain.shared.errors import NotFound

_GET = "select name, kind, definition from ballyhoo.rules where name = %s"
# The same rule of the same maker is a repeat whose first answer was lost.
_ADD = """
with made as (
  insert into ballyhoo.rules (name, kind, definition, made_by)
  values (%(name)s, %(kind)s, %(definition)s::jsonb, %(by)s) on conflict do nothing returning name
)
select name from made
union all
select name from ballyhoo.rules
 where name = %(name)s and kind = %(kind)s and definition = %(definition)s::jsonb and made_by = %(by)s
"""


class PostgresRules:
    """Implements ``application.ports_rules.Rules``. ``pool`` acts as the engine."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def rule(self, name: str) -> Rule:
        """A rule. NotFound."""
        rows = await self._pool.rows(_GET, (name,))
        if not rows:
            raise NotFound(f"There is no rule {name[:64]!r}.")
        return Rule(*rows[0])

    async def add(self, rule: Rule, by: str) -> None:
        """Put a rule in. RuleExists where another has its name."""
        asked = {"name": rule.name, "kind": rule.kind, "definition": json.dumps(rule.definition), "by": by}
        if not await self._pool.rows(_ADD, asked):
            raise RuleExists
