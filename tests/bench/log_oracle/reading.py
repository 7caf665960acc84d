"""The facts of a campaign as the log holds them, which of them count, and rows beside rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

VOID, FIRST_CUSTOM = 13, 100
_AGENTS_OF = (7, 8, 9)

_CAMPAIGNS = "select distinct campaign from ballyhoo.facts where campaign is not null order by 1"
_WORDS = "select words from ballyhoo.bot_rules where live"
_FACTS = """
select position, occurred_at, contact, coalesce(labels, 0), quantity, coalesce(amount, 0), kind, type, voided,
    voids_position, properties
  from ballyhoo.facts where campaign = %s
"""
_LABELS = "select id, variant, platform, segment, device, country, link from ballyhoo.label_sets where campaign = %s"


class Fact(NamedTuple):
    """A fact as the log holds it."""

    position: int
    occurred_at: datetime
    contact: Any
    labels: int
    quantity: int
    amount: int
    kind: int
    type: int
    voided: bool
    voids_position: int | None
    properties: str | None


@dataclass
class Mine:
    """The facts of one campaign that count: those of people, those of robots, and which ones were taken back.

    ``sets`` has the values of each label set in the order of the dimensions.
    """

    campaign: int
    records: int
    sets: dict[int, tuple[Any, ...]]
    people: list[Fact] = field(default_factory=list)
    robots: list[Fact] = field(default_factory=list)
    taken_back: list[Fact] = field(default_factory=list)


@dataclass
class Looked:
    """How much was looked at, and what was not as the log says."""

    records: int = 0
    rows: int = 0
    wrong: int = 0

    def __str__(self) -> str:
        return f"{self.rows:,} rows of {self.records:,} records, {self.wrong} differ"

    def compare(self, found: Sequence[Any], expected: Sequence[Any]) -> None:
        """Count the rows that only one side has."""
        self.rows += len(found)
        self.wrong += len({_fixed(row) for row in found} ^ {_fixed(row) for row in expected})
        self.wrong += abs(len(found) - len(expected))


def campaigns(connection: Connection[Any]) -> Iterator[Mine]:
    """Every campaign that has facts."""
    words = rows(connection, _WORDS)[0][0]
    for (campaign,) in rows(connection, _CAMPAIGNS):
        facts = [Fact(*row) for row in rows(connection, _FACTS, campaign)]
        mine = Mine(campaign, len(facts), {row[0]: row[1:] for row in rows(connection, _LABELS, campaign)})
        voided = {fact.voids_position for fact in facts if fact.kind == VOID}
        for fact in facts:
            if fact.kind == VOID or fact.voided:
                continue
            if fact.position in voided:
                mine.taken_back.append(fact)
            elif _automatic(fact, words):
                mine.robots.append(fact)
            else:
                mine.people.append(fact)
        yield mine


def rows(connection: Connection[Any], statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What a statement finds."""
    return connection.execute(statement.encode(), parameters or None).fetchall()


def _automatic(fact: Fact, words: Sequence[str]) -> bool:
    if fact.kind not in _AGENTS_OF or fact.properties is None:
        return False
    agent = str(json.loads(fact.properties).get("user_agent") or "").lower()
    return any(word in agent for word in words)


def _fixed(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)


def look(
    url: str, schema: str, tables: Mapping[str, str], expected: Callable[[Mine], Mapping[str, Any]]
) -> Looked:
    """Compare every row of every campaign: what ``tables`` select from ``schema`` with what is ``expected``."""
    looked = Looked()
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        connection.execute(f"set search_path to {schema}, ballyhoo".encode())
        for mine in campaigns(connection):
            looked.records += mine.records
            for table, wanted in expected(mine).items():
                looked.compare(rows(connection, tables[table], mine.campaign), wanted)
    return looked
