"""What the product asks of statistics. ``adapters/statistics/scipy_significance.py`` answers."""

from __future__ import annotations

from typing import Protocol

from domain.ab_test.allocation import Allocation, AllocationRequest
from domain.ab_test.analysis import Analysis, AnalysisRequest
from domain.ab_test.sizing import PlanAnswer, PlanRequest


class SignificanceTest(Protocol):
    """Pure functions: the same request is answered by the same digits, today and in ten years.

    Each raises ``Invalid`` with every fault and its JSON pointer where a request cannot be answered. One arm
    that cannot be analysed has a note instead of figures and spoils no other.
    """

    def analyse(self, request: AnalysisRequest) -> Analysis:
        """Compare the arms; judge their sizes against their shares."""
        ...

    def plan(self, request: PlanRequest) -> PlanAnswer:
        """The size that finds the effect with the asked power, or the power of a given size."""
        ...

    def allocate(self, request: AllocationRequest) -> Allocation:
        """The shares of a bandit's next step: Thompson sampling from the recorded seed, with a floor."""
        ...
