"""What a projection is: a name, tables, and how what happened changes them.

Each owns one Postgres schema with its tables and its checkpoints. The statements of a fold name tables
without a schema, so that the same text serves the live tables, those of a rebuild beside them, and
temporary ones for a past moment; a query names its own as ``$schema.table``, because one connection asks
them of several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.shared.event import Event

Log = Literal["events", "engagement"]


def placed(statement: str, schema: str = "") -> str:
    """``statement`` with its own tables in ``schema``; without one, where the search path finds them."""
    return statement.replace("$schema.", f"{schema}." if schema else "")


def apart(statement: str, schema: str) -> str:
    """``statement`` for tables in ``schema`` that are not live: it leaves out what these were made without."""
    return statement.replace("ballyhoo.parked", f"{schema}.parked")


@dataclass(frozen=True)
class Table:
    """One table: its columns as SQL, its key in order, and how full its pages are packed (per cent).

    ``indexes`` are the column lists of further indexes.
    """

    name: str
    columns: str
    key: tuple[str, ...]
    fillfactor: int = 100
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Projection:
    """One question's tables, filled from one log. ``version`` counts the shapes that its rows have had."""

    name: str
    version: int
    log: Log
    tables: tuple[Table, ...]

    @property
    def schema(self) -> str:
        """The schema of the live tables."""
        return f"{self.name}_v{self.version}"


@dataclass(frozen=True, kw_only=True)
class Whole:
    """How empty tables without indexes are filled from the whole log at once, up to position ``high``.

    ``$log`` stands for the facts, whatever has been archived of them included. ``relations`` are tables of the
    rebuild's own, by name with their columns. ``before`` runs first; then ``of_range`` for each range (``low``,
    ``high_of``] of positions, then ``of_parts`` for each set of partitions, then the statements of ``after``: those
    of one tuple in their order, the tuples side by side. Each runs in the transaction that marks it as done.
    """

    relations: Mapping[str, str]
    before: tuple[str, ...]
    of_range: tuple[str, ...]
    of_parts: tuple[str, ...]
    after: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class FactProjection(Projection):
    """Folds facts in SQL: each statement goes from the relation ``batch`` to one table.

    ``relations`` are temporary tables of the session. ``from_log`` fills the batch with what lies in
    ``spans``, ``from_incoming`` with what stands in the relation ``incoming`` (columns as ``facts``),
    ``from_campaign`` with what one campaign had by the checkpoints; each answers how much counts and how
    much is taken back. ``before`` and ``after`` run only where something is taken back; ``fold`` has the
    statement of each table, and ``needs`` the tables whose statements must have run before it. ``whole`` fills all
    tables from the whole log.
    """

    log: Log = "engagement"
    relations: tuple[str, ...]
    from_log: str
    from_incoming: str
    from_campaign: str
    before: tuple[str, ...]
    fold: Mapping[str, str]
    after: tuple[str, ...]
    needs: Mapping[str, tuple[str, ...]]
    whole: Whole


class Happened(msgspec.Struct, frozen=True):
    """One stored event: ``event`` is the decoded one of stream ``id`` (``stream`` inside) at ``version``."""

    position: int
    recorded_at: datetime
    workspace: int
    stream: int
    id: UUID
    version: int
    event: Any
    correlation: str = ""


@dataclass(frozen=True, kw_only=True)
class EventProjection(Projection):
    """Folds domain events in Python, a row for each stream.

    ``load`` selects the rows of the streams given as one array; ``row`` makes one from its columns;
    ``fold`` gives the row after an event, or None where the event is not its business; ``fold_all``, where it is
    given, the same after several events of one stream, by its number and workspace. ``columns`` gives the columns of a
    row by name; ``save`` writes rows given as one JSON array of these.
    """

    log: Log = "events"
    load: str
    row: Callable[[tuple[Any, ...]], Any]
    fold: Callable[[Any, Happened], Any]
    save: str
    columns: Callable[[Any], dict[str, Any]]
    fold_all: Callable[[Any, int, int, Sequence[Event]], Any] | None = None
