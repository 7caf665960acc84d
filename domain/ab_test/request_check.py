"""Is a request to the statistics answerable: every fault at once, each with the JSON pointer of api.md §6."""

from __future__ import annotations

import math
from collections.abc import Iterator

from domain.ab_test.allocation import AllocationRequest
from domain.ab_test.analysis import AnalysisRequest, Arm, BetaPrior, Difference, Method, NormalPrior
from domain.ab_test.plan import Approach
from domain.ab_test.samples import Mean, Proportion, Ratio, Unusable, Values
from domain.ab_test.sizing import PlanRequest
from domain.shared.errors import Fault, Invalid

LARGEST_COUNT = 10**15
LARGEST_SUM = 1e30
SMALLEST_SUM = 1e-30
RECKONABLE = "0, or between 1e-30 and 1e30 on either side of it"
LEAST_STEP = 0.001
ROUNDING = 1e-9


def check_analysis(request: AnalysisRequest) -> None:
    """Raise Invalid unless every figure can be what it claims to be."""
    faults = [*_faults_of_arms(request), *_faults_of_method(request), *_faults_of_settings(request)]
    if faults:
        raise Invalid(faults)


def check_plan(request: PlanRequest) -> None:
    """Raise Invalid unless a size (or a power) can be reckoned."""
    faults = list(_faults_of_plan(request))
    if faults:
        raise Invalid(faults)


def check_allocation(request: AllocationRequest) -> None:
    """Raise Invalid unless a bandit can divide its shares so."""
    faults = [fault for index, arm in enumerate(request.arms) for fault in _faults_of_sample(f"/variants/{index}", arm)]
    if len(request.arms) < 2:
        faults.append(Fault("/variants", "too_few", "At least two variants are compared."))
    if not 0 <= request.floor * len(request.arms) <= 1:
        faults.append(Fault("/bandit/floor", "range", "The floors of all variants together are at most 1."))
    if request.seed < 0:
        faults.append(Fault("/bandit/seed", "range", "A seed is a whole number, at least 0."))
    if faults:
        raise Invalid(faults)


def _faults_of_arms(request: AnalysisRequest) -> Iterator[Fault]:
    if len(request.arms) < 2:
        yield Fault("/variants", "too_few", "At least two variants are compared.")
    names = [arm.name for arm in request.arms]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Fault(f"/variants/{index}/name", "twice", f"Another variant is called {name} already.")
    if request.control not in names:
        yield Fault("/control", "unknown", "The control is one of the variants.")
    for index, arm in enumerate(request.arms):
        yield from _faults_of_sample(f"/variants/{index}", arm)
    kinds = {_kind(arm) for arm in request.arms if not isinstance(arm.sample, Unusable)}
    if len(kinds) > 1:
        yield Fault("/variants", "mixed", "All variants have conversions, or all have sums.")


def _kind(arm: Arm) -> str:
    if isinstance(arm.sample, Mean):
        return "mean with covariate" if arm.sample.covariate else "mean"
    return "mean" if isinstance(arm.sample, Values) else type(arm.sample).__name__


def _faults_of_sample(at: str, arm: Arm) -> Iterator[Fault]:
    sample = arm.sample
    if not 0 <= sample.n <= LARGEST_COUNT:
        yield Fault(f"{at}/n", "range", f"n is a whole number from 0 to {LARGEST_COUNT}.")
    elif isinstance(sample, Proportion):
        if not 0 <= sample.conversions <= sample.n:
            yield Fault(f"{at}/conversions", "range", "Conversions are at least 0 and at most n.")
    elif isinstance(sample, Values):
        if not all(_reckonable(value) for value in sample.values):
            yield Fault(f"{at}/values", "range", f"Every value is {RECKONABLE}.")
    elif isinstance(sample, Mean):
        yield from _faults_of_sums(at, sample.n, "", sample.sum, sample.sum_squares)
        if sample.covariate:
            yield from _faults_of_sums(at, sample.n, "covariate_", sample.covariate.sum, sample.covariate.sum_squares)
            if not abs(sample.covariate.sum_products) <= LARGEST_SUM**2:
                yield Fault(f"{at}/sum_products", "range", "The sum of products is a finite number.")
    elif isinstance(sample, Ratio):
        yield from _faults_of_sums(at, sample.n, "", sample.sum, sample.sum_squares)
        yield from _faults_of_sums(at, sample.n, "denominator_", sample.denominator_sum, sample.denominator_sum_squares)
        if not abs(sample.sum_products) <= LARGEST_SUM**2:
            yield Fault(f"{at}/sum_products", "range", "The sum of products is a finite number.")


def _reckonable(value: float) -> bool:
    """Its fourth power, which statistics take, is still a number."""
    return value == 0 or SMALLEST_SUM <= abs(value) <= LARGEST_SUM


def _faults_of_sums(at: str, n: int, prefix: str, total: float, squares: float) -> Iterator[Fault]:
    if not _reckonable(total):
        yield Fault(f"{at}/{prefix}sum", "range", f"The sum is {RECKONABLE}.")
    elif not 0 <= squares <= LARGEST_SUM**2:
        yield Fault(f"{at}/{prefix}sum_squares", "range", "The sum of squares is a finite number, at least 0.")
    elif n == 0 and (total or squares):
        yield Fault(f"{at}/{prefix}sum", "empty", "Nobody brought something: with n 0 the sums are 0.")
    elif squares * n < total * total * (1 - ROUNDING):
        yield Fault(
            f"{at}/{prefix}sum_squares",
            "too_small",
            "The sum of squares is at least the square of the sum over n.",
        )


def _faults_of_method(request: AnalysisRequest) -> Iterator[Fault]:
    rates = all(isinstance(arm.sample, Proportion | Unusable) for arm in request.arms)
    if request.method in (Method.Z_POOLED, Method.Z_UNPOOLED, Method.FISHER) and not rates:
        yield Fault("/method", "wrong_metric", f"{request.method} compares rates; use welch for means.")
    if request.method is Method.FISHER and request.difference is Difference.RELATIVE:
        yield Fault("/difference", "wrong_method", "fisher has no relative interval; use absolute.")
    if request.method is Method.GROUP_SEQUENTIAL:
        steps = [now - before for before, now in zip((0.0, *request.information), request.information, strict=False)]
        if not steps or min(steps) < LEAST_STEP or request.information[-1] > 1:
            yield Fault("/information", "range", "Looks rise from above 0 to at most 1, each by 0.001 or more.")


def _faults_of_settings(request: AnalysisRequest) -> Iterator[Fault]:
    if not 0.5 <= request.confidence < 1:
        yield Fault("/confidence", "range", "Confidence lies between 0.5 and 1.")
    if not 1 <= request.tuning <= LARGEST_COUNT:
        yield Fault("/tuning", "range", "Tuning is a number of contacts, at least 1.")
    if request.winsorise_at is not None and not request.winsorise_at > 0:
        yield Fault("/winsorise_at", "range", "A cap is above 0.")
    if request.winsorise_at is not None and not all(isinstance(arm.sample, Values) for arm in request.arms):
        yield Fault("/winsorise_at", "needs_values", "Sums cannot be capped any more; send values.")
    for phase in request.phases:
        if len(phase.shares) != len(request.arms) or len(phase.observed) != len(request.arms):
            yield Fault("/shares", "length", "There is one share for each variant.")
        elif not all(0 <= share < math.inf for share in phase.shares) or not 0 < sum(phase.shares) < math.inf:
            yield Fault("/shares", "range", "Shares are at least 0, and not all 0.")
    match request.prior:
        case BetaPrior(alpha, beta):
            if not (0 < alpha <= LARGEST_COUNT and 0 < beta <= LARGEST_COUNT):
                yield Fault("/prior", "range", "alpha and beta are above 0.")
        case NormalPrior(mean, variance):
            if not math.isfinite(mean) or (variance is not None and not 0 < variance < math.inf):
                yield Fault("/prior", "range", "The mean is a number and the variance above 0.")


def _faults_of_plan(request: PlanRequest) -> Iterator[Fault]:
    effect = request.minimum_effect * (request.baseline if request.relative else 1)
    if request.deviation is None:
        if not 0 < request.baseline < 1:
            yield Fault("/baseline", "range", "A baseline rate lies between 0 and 1.")
        elif not (abs(effect) > 0 and 0 < request.baseline + effect < 1):
            yield Fault("/minimum_effect", "range", "The effect is not 0, and baseline + effect lies between 0 and 1.")
    else:
        if not 0 < request.deviation <= LARGEST_SUM:
            yield Fault("/deviation", "range", "A deviation is above 0.")
        if not abs(request.baseline) <= LARGEST_SUM:
            yield Fault("/baseline", "range", "A baseline mean is a finite number.")
        elif not 0 < abs(effect) <= LARGEST_SUM:
            yield Fault("/minimum_effect", "range", "The effect is a finite number other than 0.")
    if not 0.5 <= request.confidence < 1:
        yield Fault("/confidence", "range", "Confidence lies between 0.5 and 1.")
    if request.n_per_variant is None and (request.power is None or not 0 < request.power < 1):
        yield Fault("/power", "range", "Power lies between 0 and 1.")
    if request.n_per_variant is not None and not 2 <= request.n_per_variant <= LARGEST_COUNT:
        yield Fault("/n_per_variant", "range", f"n_per_variant is a whole number from 2 to {LARGEST_COUNT}.")
    if not 2 <= request.variants <= 1000:
        yield Fault("/variants", "range", "A test has 2 to 1,000 variants.")
    if request.contacts_per_day is not None and not 0 < request.contacts_per_day <= LARGEST_COUNT:
        yield Fault("/contacts_per_day", "range", "contacts_per_day is above 0.")
    if request.analysis is Approach.BAYESIAN:
        yield Fault("/analysis", "unknown", "A size is planned for fixed or sequential.")
