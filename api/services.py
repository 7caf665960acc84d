"""Everything that the routes call, plugged in by infra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from api.authentication import Keys
from application.ab_test.ab_test_views import ABTestViews
from application.application import Application
from application.campaign.campaign_views import CampaignViews
from application.ports import (
    Clock,
    KeptAnswers,
    Moments,
    Position,
    Seal,
)
from application.ports_parked import ParkedRecords
from application.rebuilding import Rebuilding
from application.ruling import Ruling
from projections.ports import Reads


class Epochs(Protocol):
    """Knows which positions still mean something after a restore."""

    async def valid(self, position: Position) -> Position:
        """The position where it belongs to this history. BadToken where it does not."""
        ...


class Health(Protocol):
    """Looks at the parts."""

    async def ready(self) -> dict[str, str]:
        """What is wrong, by part; empty where all is well."""
        ...

    async def metrics(self) -> bytes:
        """The process's and the projections' numbers, in Prometheus's text format."""
        ...


@dataclass(frozen=True)
class Services:
    """The write side, the read side, and what lies between."""

    application: Application
    campaigns: CampaignViews
    ab_tests: ABTestViews
    kept: KeptAnswers
    reads: Reads
    keys: Keys
    seal: Seal
    moments: Moments
    epochs: Epochs
    clock: Clock
    health: Health
    rebuilding: Rebuilding
    ruling: Ruling
    parked: ParkedRecords
