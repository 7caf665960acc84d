"""What a batch of a projection needs of the archive: its own span where the tables are new or were out of service, and
what voids take back, with all that counts of the contacts who are touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import structlog
from psycopg import Connection

from adapters.archive.catalogue import UP_TO, Wanted
from adapters.archive.overlay import filling, lay, look, making, over, readying
from projections.projection import FactProjection

log = structlog.get_logger("projector")

_VOIDS = """
select distinct v.voids_position from ballyhoo.facts v
 where v.position > %(low)s and v.position <= %(high)s and v.voids_position is not null
"""
_TOUCHED = """
select distinct t.campaign, t.contact from ballyhoo.facts t
 where t.position = any(%s) and t.campaign is not null and t.contact is not null
"""


class Span(Protocol):
    """Positions (low, high]."""

    @property
    def low(self) -> int: ...
    @property
    def high(self) -> int: ...


class BeyondTheHorizon(Exception):
    """Facts that a projection has not read were dropped; the message says which."""


def over_archive(connection: Connection[Any], projection: FactProjection, spans: Sequence[Span]) -> FactProjection:
    """The projection whose statements read what the batch needs, inside its transaction: itself where all of that is
    in the database. Damaged, BeyondTheHorizon."""
    reach = archived_up_to(connection)
    if reach == 0:
        return projection
    low, high = min(span.low for span in spans), max(span.high for span in spans)
    laid = _Laid(connection)
    if low < reach:
        laid.add(Wanted(low=low, high=high), f"facts above position {low}")
    voids = laid.rows(_VOIDS, {"low": low, "high": high})
    if voids:
        targets = tuple(position for (position,) in voids)
        laid.add(Wanted(positions=targets))
        touched = laid.rows(_TOUCHED, [list(targets)])
        if touched:
            campaigns, contacts = zip(*touched, strict=True)
            laid.add(Wanted(campaigns=tuple(set(campaigns)), contacts=tuple(set(contacts)), high=high))
    return laid.finished(projection)


def archived_up_to(connection: Connection[Any]) -> int:
    """The last archived position; nothing more is archived before the transaction ends."""
    found = connection.execute(UP_TO).fetchone()
    assert found is not None
    return int(found[0])


class _Laid:
    """The overlay of one transaction, made when something belongs into it."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._made = False

    def add(self, wanted: Wanted, needed: str | None = None) -> None:
        """Lay what is wanted; ``needed`` says what can't be done without it."""
        found = look(self._connection, wanted)
        if found.horizon is not None:
            if needed is not None:
                raise BeyondTheHorizon(f"It has not read {needed}, and of those recorded before {found.horizon} all"
                                       " were dropped.")  # fmt: skip
            log.warning("voids_beyond_the_horizon", recorded_before=str(found.horizon))
        if found.blocks:
            if not self._made:
                lay(self._connection, making())
            lay(self._connection, filling(found.blocks, wanted))
            self._made = True

    def rows(self, statement: str, parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement over what is there."""
        text = over(statement) if self._made else statement
        return self._connection.execute(text.encode(), parameters, prepare=not self._made).fetchall()

    def finished(self, projection: FactProjection) -> FactProjection:
        """The projection over it."""
        if not self._made:
            return projection
        lay(self._connection, readying())
        return replace(
            projection, from_log=over(projection.from_log), from_incoming=over(projection.from_incoming),
            from_campaign=over(projection.from_campaign), before=tuple(map(over, projection.before)),
        )  # fmt: skip
