"""Thompson sampling: an arm gets as much as it is the best, and never less than the floor.

Draws come from the recorded seed by PCG64's raw bits and inverse distributions, both of which stay as they
are through releases of numpy, so that the same seed and facts give the same shares years later. Draws are
stratified (one in each of equally likely strips, in shuffled order), which makes them worth many plain
ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import PCG64
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

from adapters.statistics.moments import moments_of
from domain.ab_test.allocation import Allocation, AllocationRequest
from domain.ab_test.samples import Proportion, Sample

DRAWS = 20_000
DIGITS = 12
Array = NDArray[np.float64]


def allocate(request: AllocationRequest) -> Allocation:
    """The next shares. While any arm has nothing to reckon with, all are alike: nobody is judged unheard."""
    count = len(request.arms)
    rows: list[Array] = []
    bits = PCG64(request.seed)
    for arm in request.arms:
        drawn = _drawn(arm.sample, _strips(bits), request)
        if drawn is None:
            even = tuple(1 / count for _ in request.arms)
            return Allocation(even, even, request.seed, 0, "equal shares: an arm has too few contacts so far")
        rows.append(drawn)
    wins = np.bincount(np.argmax(np.stack(rows), axis=0), minlength=count)
    chances = tuple(float(win) / DRAWS for win in wins)
    return Allocation(
        chances,
        _above_floor(chances, request.floor),
        request.seed,
        DRAWS,
        "Thompson sampling: share = floor + (1 - arms x floor) x chance to be the best",
    )


def _strips(bits: PCG64) -> Array:
    """One uniform draw in each of DRAWS equal strips, shuffled."""
    order = np.argsort(bits.random_raw(DRAWS), kind="stable")
    within = (bits.random_raw(DRAWS) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.asarray((order + within) / DRAWS, dtype=np.float64)


def _drawn(sample: Sample, uniform: Array, request: AllocationRequest) -> Array | None:
    if isinstance(sample, Proportion):
        if not 0 <= sample.conversions <= sample.n:
            return None
        alpha = request.prior.alpha + sample.conversions
        beta = request.prior.beta + sample.n - sample.conversions
        return np.asarray(betaincinv(alpha, beta, uniform), dtype=np.float64)
    moments = moments_of(sample)
    if moments is None:
        return None
    return np.asarray(moments.mean + np.sqrt(moments.variance / moments.n) * ndtri(uniform), dtype=np.float64)


def _above_floor(chances: Sequence[float], floor: float) -> tuple[float, ...]:
    """Every arm its floor, the rest by chance (additive, as GrowthBook); rounded so that all digits can be
    read."""
    free = 1 - floor * len(chances)
    return tuple(round(floor + free * chance, DIGITS) for chance in chances)
