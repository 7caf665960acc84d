"""How far the projections are, as it is answered."""

from __future__ import annotations

from typing import Any

import msgspec


class ProjectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """``position`` is the lowest that all partitions have reached, ``lag`` how many positions of the log lie
    beyond it. ``parked`` counts the asking workspace's records that were put aside, ``differences`` the rows
    that a check against the log found wrong."""

    name: str
    source: str
    position: int
    lag: int
    last_error: str | None
    parked: int
    differences: int


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of a kind: of ``bots``, what is automatic (a fact is, when its user agent holds one of the words); of
    ``time_zone``, where days begin. ``kept`` says that reads may ask for figures under it."""

    name: str
    kind: str
    live: bool
    kept: bool
    definition: dict[str, Any]
