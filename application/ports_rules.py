"""Rules under which read models can be kept beside the live ones: rows of data, put in by owners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from domain.shared.errors import Conflict


@dataclass(frozen=True)
class Rule:
    """A rule of a ``kind``: of ``bots`` the definition is {"words": [...]}, of ``time_zone`` {"time_zone": "..."}."""

    name: str
    kind: str
    definition: dict[str, Any]


class RuleExists(Conflict):
    """There is a rule of this name; a rule never changes, so give the new one another name."""


class Rules(Protocol):
    """Keeps the rules."""

    async def rule(self, name: str) -> Rule:
        """A rule. NotFound."""
        ...

    async def add(self, rule: Rule, by: str) -> None:
        """Put a rule in. RuleExists."""
        ...
