"""What a check is given: the house after it healed, what the clients were told, and who they were."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from tests.faults.canaries import Watched
from tests.faults.house import House
from tests.faults.journal import Journal


@dataclass(frozen=True)
class Seen:
    """``numbers`` and ``keys`` are of the workspaces that the journal counts from 0; ``disturbed`` holds from when
    until when (seconds of the epoch) something was wrong."""

    house: House
    journal: Journal
    numbers: list[int]
    keys: list[str]
    campaigns: list[list[str]]
    disturbed: list[tuple[float, float]] = field(default_factory=list)

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a question to the database."""
        with psycopg.connect(self.house.url, autocommit=True) as connection:
            return connection.execute(sql.SQL(statement), parameters).fetchall()

    def number(self, statement: str, *parameters: Any) -> int:
        """The one number that answers a question to the database."""
        return int(self.rows(statement, *parameters)[0][0])

    def user(self, workspace: int) -> Watched:
        """A user of a workspace at the first api."""
        return Watched(self.house.apis[0], self.keys[workspace], workspace, self.journal)


@dataclass(frozen=True)
class Broken:
    """An invariant that does not hold: its name and what was found, in numbers."""

    name: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.name} does not hold: {self.sentence}"
