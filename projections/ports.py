"""What can be asked of the read models, in plain values. ``adapters/read_models/reader.py`` answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from domain.shared.position import Position
from projections.ab_test_list import ABTestItem, ABTestQuery
from projections.campaign_metrics.answer import Metrics
from projections.campaign_metrics.comparison import Comparison
from projections.campaign_query import CampaignItem, CampaignQuery
from projections.facts import FactQuery, FactRow
from projections.funnel import Funnel
from projections.roi import Roi
from projections.status import ProjectionStatus, Rule

T = TypeVar("T")


@dataclass(frozen=True)
class Read(Generic[T]):
    """An answer and the position that it reflects: all of it comes from one snapshot."""

    value: T
    position: Position


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows in order; ``more`` says that others follow the last one. Rows recorded before ``horizon`` were dropped
    from the log, where it is named."""

    items: list[T]
    more: bool
    horizon: str | None = None


class Reads(Protocol):
    """Every question to the read models. ``workspace`` is the first wall: another's id is NotFound.

    ``as_of`` asks for the answer as it was known at that position, ``rule`` for the tables kept under that
    bot rule (NotFound where there are none).
    """

    async def campaigns(self, workspace: int, query: CampaignQuery) -> Read[Page[CampaignItem]]:
        """Campaigns by filter, sort and keyset."""
        ...

    async def metrics(
        self,
        workspace: int,
        campaign: UUID,
        *,
        group_by: tuple[str, ...] = (),
        starts: datetime | None = None,
        ends: datetime | None = None,
        time_zone: str | None = None,
        as_of: Position | None = None,
        rule: str | None = None,
    ) -> Read[Metrics]:
        """Every measure in total and by group, of facts that happened in [starts, ends). Without a time zone, that of
        the rule, or UTC. Invalid, NotFound."""
        ...

    async def funnel(
        self,
        workspace: int,
        campaign: UUID,
        stages: tuple[str, ...],
        *,
        by: str = "contact",
        as_of: Position | None = None,
        rule: str | None = None,
    ) -> Read[Funnel]:
        """How many came through each stage, and how long it took them. Invalid, NotFound."""
        ...

    async def roi(
        self, workspace: int, campaign: UUID, *, as_of: Position | None = None, rule: str | None = None
    ) -> Read[Roi]:
        """What came in for what was spent, in total and by platform and variant. NotFound."""
        ...

    async def facts(self, workspace: int, query: FactQuery) -> Read[Page[FactRow]]:
        """Raw facts, the latest first. NotFound where a campaign is asked for that is not there."""
        ...

    async def ab_tests(self, workspace: int, query: ABTestQuery) -> Read[Page[ABTestItem]]:
        """A/B tests by filter, the newest first."""
        ...

    async def projections(self, workspace: int) -> Read[list[ProjectionStatus]]:
        """How far each projection is; ``parked`` counts what this workspace has waiting."""
        ...

    async def rules(self) -> list[Rule]:
        """The rules, which of them are live, and which have figures of their own."""
        ...

    async def comparison(
        self, workspace: int, rule: str, limit: int, after: int | None
    ) -> tuple[Read[Comparison], int | None]:
        """The workspace's campaigns that differ under a rule, and the number after which the next page begins.
        NotFound."""
        ...

    async def wait_for(self, projection: str, position: Position, seconds: float, *, rule: str | None = None) -> bool:
        """Whether ``projection`` reaches ``position`` within ``seconds``, the tables kept under ``rule`` too where one
        is named. NotFound where there are none.

        ``projection`` names a question: ``campaigns``, ``metrics``, ``funnel``, ``roi``, ``facts``, ``ab_tests``,
        ``ab_evidence``, and ``projections`` for all of them.
        """
        ...
