"""Where the tables of a rebuild live, and the lock that keeps batches and swaps apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from adapters.read_models.schemas import rule_schema
from projections.projection import Projection

LOCK = "hashtextextended('ballyhoo.projection.' || %s, 0)"
"""A batch takes it shared, a swap exclusively; its parameter is the name under which the tables are folded."""


@dataclass(frozen=True)
class Place:
    """A projection's tables in ``live``, those kept under ``rule`` where it is named.

    ``lock`` is what batches into ``live`` take the lock by.
    """

    projection: Projection
    live: str
    lock: str
    rule: str | None = None

    @property
    def name(self) -> str:
        """What people call it: the projection, and the rule after a colon."""
        return self.projection.name if self.rule is None else f"{self.projection.name}:{self.rule}"

    @property
    def shadow(self) -> str:
        """The schema that a rebuild fills."""
        return f"{self.live}_new"

    @property
    def former(self) -> str:
        """The schema that the last swap took out of service."""
        return f"{self.live}_old"


def live(projection: Projection) -> Place:
    """The tables that answer where no rule is named."""
    return Place(projection, projection.schema, projection.name)


def under_rule(projection: Projection, rule: str) -> Place:
    """The tables that are kept under a rule."""
    schema = rule_schema(projection, rule)
    return Place(projection, schema, schema, rule)


def search(connection: Connection[Any], schema: str) -> None:
    """Let statements find the tables of ``schema``, then those of the house."""
    connection.execute(sql.SQL("set search_path to {}, ballyhoo").format(sql.Identifier(schema)))


def drop(connection: Connection[Any], schema: str) -> None:
    """Drop a schema with all in it, where it is there."""
    connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


def rename(connection: Connection[Any], schema: str, name: str) -> None:
    """Rename a schema."""
    connection.execute(sql.SQL("alter schema {} rename to {}").format(sql.Identifier(schema), sql.Identifier(name)))
