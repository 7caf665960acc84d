"""What a test has seen so far: counts of one arm as the read models keep them, whole numbers throughout.

Whole numbers are the reason why order, batches and rebuilds cannot change a digit of a result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from domain.ab_test.plan import GuardrailMetric, Metric
from domain.ab_test.samples import Mean, Proportion, Sample, Unusable
from domain.shared.position import Position


class Denominator(StrEnum):
    """What a rate is a share of."""

    CONTACTS = "contacts"
    IMPRESSIONS = "impressions"


@dataclass(frozen=True)
class ArmEvidence:
    """One arm's totals.

    ``contacts`` are distinct contacts exposed (an exposure, a sent, a delivery or an impression in this
    arm); ``clicked``, ``engaged`` (an open or a click) and ``converted`` are those of them with such a
    fact. ``impressions``, ``clicks``, ``conversions`` and ``revenue`` count facts, those without a contact
    included. ``contact_revenue`` and ``contact_revenue_squares`` are sums over the contacts of what one
    contact brought, refunds taken off and capped where the plan says so, and of its square: minor units,
    may be negative.
    """

    variant: str
    contacts: int = 0
    clicked: int = 0
    engaged: int = 0
    converted: int = 0
    impressions: int = 0
    opens: int = 0
    clicks: int = 0
    conversions: int = 0
    revenue: int = 0
    contact_revenue: int = 0
    contact_revenue_squares: int = 0
    guarded: dict[GuardrailMetric, int] = field(default_factory=dict)


@dataclass(frozen=True)
class AllocationPhase:
    """Contacts by the shares under which they were first exposed: one phase for each allocation of the
    test."""

    shares: tuple[float, ...]
    contacts: tuple[int, ...]


@dataclass(frozen=True)
class Evidence:
    """All arms, in the plan's order, at one position of the log.

    ``crossed`` counts contacts seen in more than one arm. ``phases`` is needed only where shares changed;
    where it is empty the arms' counts are held against the plan's shares, where it is None against none.
    ``per_day`` is the present traffic.
    """

    arms: tuple[ArmEvidence, ...]
    crossed: int = 0
    phases: tuple[AllocationPhase, ...] | None = ()
    per_day: float | None = None
    position: Position | None = None

    @property
    def denominator(self) -> Denominator:
        """Contacts, unless no fact came with one."""
        return Denominator.CONTACTS if any(arm.contacts for arm in self.arms) else Denominator.IMPRESSIONS

    def size(self, arm: ArmEvidence) -> int:
        """What the rates of this arm are a share of."""
        return arm.contacts if self.denominator is Denominator.CONTACTS else arm.impressions

    def count(self, metric: Metric, arm: ArmEvidence) -> int:
        """How many of them did what the metric counts; for revenue, how many brought any."""
        contacts = self.denominator is Denominator.CONTACTS
        match metric:
            case Metric.CLICK:
                return arm.clicked if contacts else arm.clicks
            case Metric.ENGAGEMENT:
                return arm.engaged if contacts else arm.opens + arm.clicks
        return arm.converted if contacts else arm.conversions

    def sample(self, metric: Metric, arm: ArmEvidence) -> Sample:
        """The arm's summary for the statistics, or why there is none."""
        size = self.size(arm)
        if metric is Metric.REVENUE:
            if self.denominator is Denominator.IMPRESSIONS and size:
                return Unusable(size, "revenue per contact needs facts that name their contact")
            return Mean(size, arm.contact_revenue, arm.contact_revenue_squares)
        count = self.count(metric, arm)
        if count > size:
            return Unusable(size, f"more {metric}s than {self.denominator} ({count:,} of {size:,})")
        return Proportion(size, count)
