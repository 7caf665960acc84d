"""A bandit's step: shares that follow what the arms brought so far."""

from __future__ import annotations

from dataclasses import dataclass

from domain.ab_test.analysis import EVEN_PRIOR, Arm, BetaPrior


@dataclass(frozen=True)
class AllocationRequest:
    """Arms so far; ``seed`` repeats the draws, ``floor`` is the least share that any arm keeps."""

    arms: tuple[Arm, ...]
    seed: int
    floor: float = 0.05
    prior: BetaPrior = EVEN_PRIOR


@dataclass(frozen=True)
class Allocation:
    """``chances``: how often each arm was the best of the draws; ``shares``: the same above the floor; sum
    one."""

    chances: tuple[float, ...]
    shares: tuple[float, ...]
    seed: int
    draws: int
    formula: str
