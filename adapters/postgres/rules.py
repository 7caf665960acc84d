"""Rules in a plain table."""

from __future__ import annotations

import json

from adapters.postgres.pool import Pool
from application.ports_rules import Rule, RuleExists
from domain.shared.errors import NotFound

_GET = "select name, kind, definition from ballyhoo.rules where name = %s"
_ADD = """
insert into ballyhoo.rules (name, kind, definition, made_by) values (%s, %s, %s::jsonb, %s)
on conflict do nothing returning name
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
        """Put a rule in. RuleExists."""
        if not await self._pool.rows(_ADD, (rule.name, rule.kind, json.dumps(rule.definition), by)):
            raise RuleExists
