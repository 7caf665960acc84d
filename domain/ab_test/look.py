"""One look at a test, kept whole: from what it saw it can be reckoned again years later."""

from __future__ import annotations

from dataclasses import dataclass

from domain.ab_test.analysis import Comparison
from domain.ab_test.decision import Decision
from domain.ab_test.evidence import Evidence
from domain.ab_test.result import Result


@dataclass(frozen=True)
class Look:
    """The counts (with their position), the comparisons (for the plot over time), and the verdict."""

    evidence: Evidence
    comparisons: tuple[Comparison, ...]
    decision: Decision

    @classmethod
    def at(cls, result: Result) -> Look:
        """What is kept of a result."""
        return cls(result.evidence, result.analysis.comparisons, result.decision)
