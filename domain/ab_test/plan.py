"""What a test sets out to find, and by which rules it will be judged: written down before the first
contact."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.shared.errors import Fault, Invalid

SHARE_LIMIT = 10**9
NAME_LENGTH = 64


class Metric(StrEnum):
    """What the arms compete for. Each is one figure for one contact; more is better."""

    CONVERSION = "conversion"
    CLICK = "click"
    ENGAGEMENT = "engagement"
    REVENUE = "revenue"


class Approach(StrEnum):
    """How often the figures may be looked at: ``sequential`` any time, ``fixed`` once, ``bayesian`` by
    chances."""

    SEQUENTIAL = "sequential"
    FIXED = "fixed"
    BAYESIAN = "bayesian"


class Correction(StrEnum):
    """What is done about several comparisons in one test."""

    HOLM = "holm"
    BENJAMINI_HOCHBERG = "benjamini_hochberg"
    BONFERRONI = "bonferroni"
    NONE = "none"


class GuardrailMetric(StrEnum):
    """What an arm must not make worse: contacts with such a fact, of all contacts of the arm."""

    UNSUBSCRIBE = "unsubscribe"
    COMPLAINT = "complaint"
    BOUNCE = "bounce"
    REFUND = "refund"


@dataclass(frozen=True)
class Variant:
    """One arm: its weight among the shares, and what its contacts are shown."""

    name: str
    share: float = 1.0
    control: bool = False
    content: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Guardrail:
    """A rate that no arm may exceed."""

    metric: GuardrailMetric
    at_most: float


@dataclass(frozen=True)
class MinimumSample:
    """What each arm must have before anything is decided (the figures of ABT-3).

    ``impressions`` is asked of the denominator, contacts or impressions; ``clicks`` where the metric is
    clicks or engagement; ``conversions`` where it is conversions or revenue.
    """

    impressions: int = 1000
    clicks: int = 100
    conversions: int = 30


@dataclass(frozen=True)
class Bandit:
    """Shares that follow the facts: every arm keeps ``floor``, and ``seed`` makes each allocation
    repeatable."""

    seed: int
    floor: float = 0.05


@dataclass(frozen=True)
class Change:
    """A change of the plan after the start, which every result shows; ``fields`` names what changed."""

    at: datetime
    by: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """All that is fixed at the start. A later change is an event, and the result shows it.

    ``minimum_effect`` is relative to the control (0.1: ten per cent). ``baseline`` fixes the planned size
    at the start; without it the size follows the control's rate. ``tuning`` is the number of contacts at
    which the sequential interval is narrowest. ``winsorise_at`` (minor units) caps one contact's revenue.
    """

    metric: Metric
    variants: tuple[Variant, ...]
    analysis: Approach = Approach.SEQUENTIAL
    confidence: float = 0.95
    minimum_effect: float = 0.1
    correction: Correction = Correction.HOLM
    minimum_sample: MinimumSample = MinimumSample()
    guardrails: tuple[Guardrail, ...] = ()
    holdout: float = 0.0
    auto_apply: bool = False
    power: float = 0.8
    baseline: float | None = None
    tuning: int = 5000
    winsorise_at: int | None = None
    bandit: Bandit | None = None

    @property
    def control(self) -> Variant:
        """The arm that the others are compared with."""
        return next(variant for variant in self.variants if variant.control)

    @property
    def names(self) -> tuple[str, ...]:
        """The arms in their written order, which every list about this test keeps."""
        return tuple(variant.name for variant in self.variants)

    @property
    def shares(self) -> tuple[float, ...]:
        """Each arm's part of those who take part; they sum to one."""
        total = math.fsum(variant.share for variant in self.variants)
        return tuple(variant.share / total for variant in self.variants)

    def checked(self) -> Plan:
        """Itself, or Invalid with everything that is wrong, each with its JSON pointer."""
        faults = [*_faults_of_variants(self.variants), *_faults_of_rules(self)]
        if faults:
            raise Invalid(faults)
        return self


def _faults_of_variants(variants: tuple[Variant, ...]) -> Iterator[Fault]:
    if len(variants) < 2:
        yield Fault("/variants", "too_few", "A test compares at least two variants.")
    controls = sum(variant.control for variant in variants)
    if controls != 1:
        yield Fault("/variants", "one_control", f"Exactly one variant is the control; here {controls} are.")
    seen: set[str] = set()
    for index, variant in enumerate(variants):
        if not 1 <= len(variant.name) <= NAME_LENGTH:
            yield Fault(f"/variants/{index}/name", "length", f"A name has 1 to {NAME_LENGTH} characters.")
        if variant.name in seen:
            yield Fault(f"/variants/{index}/name", "twice", f"Another variant is called {variant.name} already.")
        seen.add(variant.name)
        if not 0 < variant.share <= SHARE_LIMIT:
            yield Fault(f"/variants/{index}/share", "range", f"A share is above 0 and at most {SHARE_LIMIT}.")


def _faults_of_rules(plan: Plan) -> Iterator[Fault]:
    ranges = [
        ("/confidence", 0.5 <= plan.confidence < 1, "Confidence lies between 0.5 and 1."),
        ("/minimum_effect", 0 < plan.minimum_effect <= 100, "A minimum effect is above 0 and at most 100."),
        ("/holdout", 0 <= plan.holdout < 1, "A holdout is at least 0 and below 1."),
        ("/power", 0 < plan.power < 1, "Power lies between 0 and 1."),
        ("/tuning", 1 <= plan.tuning <= 10**12, "Tuning is a number of contacts from 1 to 10^12."),
        (
            "/baseline",
            plan.baseline is None or 0 < plan.baseline < (1 if plan.metric is not Metric.REVENUE else math.inf),
            "A baseline is above 0, and below 1 where it is a rate.",
        ),
        (
            "/winsorise_at",
            plan.winsorise_at is None or (plan.winsorise_at > 0 and plan.metric is Metric.REVENUE),
            "A cap is above 0 and goes with the metric revenue.",
        ),
        (
            "/bandit/floor",
            plan.bandit is None or 0 <= plan.bandit.floor * max(len(plan.variants), 1) <= 1,
            "The floors of all variants together are at most 1.",
        ),
        (
            "/bandit/seed",
            plan.bandit is None or plan.bandit.seed >= 0,
            "A seed is a whole number, at least 0.",
        ),
    ]
    for name in ("impressions", "clicks", "conversions"):
        enough = getattr(plan.minimum_sample, name)
        ranges.append((f"/minimum_sample/{name}", 0 <= enough <= 10**12, "A minimum is 0 to 10^12."))
    for index, guardrail in enumerate(plan.guardrails):
        ranges.append(
            (
                f"/guardrails/{index}/at_most",
                0 <= guardrail.at_most <= 1,
                "A guardrail is a rate from 0 to 1.",
            )
        )
    for pointer, holds, detail in ranges:
        if not holds:
            yield Fault(pointer, "range", detail)
