"""What tracking asks of the world: the campaigns that facts may name, and a log that keeps each fact once."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from application.ports import Position
from domain.engagement.fact import Fact
from domain.shared.errors import Fault


@dataclass(frozen=True, slots=True)
class CampaignRef:
    """What a fact must know of its campaign: its number in the log, its currency, that currency's decimal
    places."""

    stream: int
    currency: str
    exponent: int


@dataclass(frozen=True, slots=True)
class RecordedFacts:
    """What became of the facts of one request, by their index: those not named here were accepted.

    ``position`` lies at or past every fact of the request, duplicates included.
    """

    duplicates: Collection[int]
    refused: Mapping[int, Fault]
    position: Position


class FactLog(Protocol):
    """Keeps facts for ever, each id and each order of a workspace once."""

    def known_campaign(self, workspace: int, id: str) -> CampaignRef | None:
        """A campaign asked for before, without asking the database; a campaign never changes its workspace."""
        ...

    async def campaigns(self, workspace: int, ids: Collection[str]) -> Mapping[str, CampaignRef]:
        """Those of ``ids`` (UUIDs in any spelling) that are campaigns of the workspace. Unavailable."""
        ...

    async def give_way(self, workspace: int) -> None:
        """To be awaited every few facts of a long work: another workspace's requests come through meanwhile, and where
        few facts of another came just now they get a little more of the machine."""
        ...

    def record(self, workspace: int, facts: Sequence[Fact]) -> Awaitable[RecordedFacts]:
        """Append the facts and answer after the commit; none at all answers the present position.

        Overloaded where too much waits; Unavailable where the database does not answer: what was in doubt may
        be sent again and counts once.
        """
        ...
