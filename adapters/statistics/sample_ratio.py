"""Do the arms have as many contacts as their shares promise. If not, something broke before the result
did."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import chdtrc

from adapters.statistics.tails import never_zero
from domain.ab_test.analysis import EmptyArm, RatioPhase, SampleRatio

THRESHOLD = 0.001


def sample_ratio(phases: Sequence[RatioPhase], names: Sequence[str]) -> SampleRatio:
    """Chi-square of sizes against shares (expected counts not rounded), p < 0.001 is a mismatch.

    Where shares changed, each phase is held against its own shares and the statistics are added: a sum of
    independent chi-squares. An arm without anybody is named as soon as another one has somebody, with the
    chance that luck alone left it so: (1 − share)^n over the phases. Somebody in an arm of share 0 is a
    mismatch too.
    """
    statistic, degrees = 0.0, 0
    luck = [0.0] * len(names)
    seen = [0] * len(names)
    impossible = False
    for phase in phases:
        total, weight = sum(phase.observed), math.fsum(phase.shares)
        if total == 0:
            continue
        open_arms = 0
        for index, (observed, share) in enumerate(zip(phase.observed, phase.shares, strict=True)):
            part = share / weight
            seen[index] += observed
            luck[index] += total * (math.log1p(-part) if part < 1 else -math.inf)
            if part > 0:
                open_arms += 1
                statistic += (observed - total * part) ** 2 / (total * part)
            elif observed:
                impossible = True
        degrees += open_arms - 1
    empty = tuple(
        EmptyArm(name, math.exp(chance))
        for name, count, chance in zip(names, seen, luck, strict=True)
        if count == 0 and chance < 0
    )
    if degrees < 1:
        return SampleRatio(None, None, ok=not empty and not impossible, empty=empty)
    p_value = never_zero(0.0 if impossible else float(chdtrc(degrees, statistic)))
    return SampleRatio(statistic, p_value, ok=p_value >= THRESHOLD and not empty, empty=empty)
