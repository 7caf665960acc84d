"""The port ``SignificanceTest`` answered with scipy. Pure functions of the request: no clock, no hidden
chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from adapters.statistics import bandit, power
from adapters.statistics.chi_square import chi_square
from adapters.statistics.comparing import Side, compare
from adapters.statistics.correction import adjusted, is_significant
from adapters.statistics.group_sequential import spent_so_far
from adapters.statistics.intervals import rate_interval
from adapters.statistics.means import analysis_of_variance, mean_interval
from adapters.statistics.moments import moments_of
from adapters.statistics.sample_ratio import sample_ratio
from adapters.statistics.winsorise import winsorised
from domain.ab_test.allocation import Allocation, AllocationRequest
from domain.ab_test.analysis import (
    Analysis,
    AnalysisRequest,
    Arm,
    ArmFigures,
    BetaPrior,
    Comparison,
    Method,
    Overall,
)
from domain.ab_test.plan import Correction
from domain.ab_test.request_check import check_allocation, check_analysis, check_plan
from domain.ab_test.samples import Proportion, Unusable, Values
from domain.ab_test.sizing import PlanAnswer, PlanRequest


class ScipySignificance:
    """Implements ``application.ports_statistics.SignificanceTest``."""

    def analyse(self, request: AnalysisRequest) -> Analysis:
        """Compare the arms; judge their sizes against their shares. Invalid names what is wrong."""
        check_analysis(request)
        sides = [_side(arm, request.winsorise_at) for arm in request.arms]
        control = next(side for side in sides if side.name == request.control)
        pairs = (
            [(first, second) for index, first in enumerate(sides) for second in sides[index + 1 :]]
            if request.pairs
            else [(control, side) for side in sides if side is not control]
        )
        comparisons = _judged([compare(first, second, request) for first, second in pairs], request)
        return Analysis(
            method=request.method,
            formula=_formula(request),
            arms=tuple(_figures(side, request) for side in sides),
            comparisons=comparisons,
            rivals=_rivals(sides, comparisons, request),
            overall=_overall(sides) if len(sides) > 2 else None,
            sample_ratio=sample_ratio(request.phases, [arm.name for arm in request.arms]) if request.phases else None,
        )

    def plan(self, request: PlanRequest) -> PlanAnswer:
        """The size that finds the effect with the asked power, or the power of a given size."""
        check_plan(request)
        return power.planned(request)

    def allocate(self, request: AllocationRequest) -> Allocation:
        """A bandit's next shares."""
        check_allocation(request)
        return bandit.allocate(request)


def _side(arm: Arm, cap: float | None) -> Side:
    sample = arm.sample
    if isinstance(sample, Values) and cap is not None:
        sample = winsorised(sample, cap)
    return Side(arm.name, sample, moments_of(sample))


def _judged(comparisons: list[Comparison], request: AnalysisRequest) -> tuple[Comparison, ...]:
    """With p-values adjusted for each other and the verdict of each. Those without a p-value cost the others
    nothing; chances and planned bounds have decided already."""
    told = [comparison.p_value for comparison in comparisons if comparison.p_value is not None]
    correction = Correction.NONE if request.method is Method.GROUP_SEQUENTIAL else request.correction
    after = iter(adjusted(told, correction))
    result = []
    for comparison in comparisons:
        if comparison.p_value is None:
            result.append(comparison)
            continue
        p = next(after)
        decided = (
            comparison.significant
            if request.method is Method.GROUP_SEQUENTIAL
            else is_significant(p, 1 - request.confidence)
        )
        result.append(replace(comparison, p_adjusted=p, significant=decided))
    return tuple(result)


def _rivals(sides: list[Side], comparisons: tuple[Comparison, ...], request: AnalysisRequest) -> tuple[Comparison, ...]:
    """The best of the arms that beat the control, held against every other arm but the control: being ahead
    of the control does not put it ahead of the others. Each gets its part of the error (Bonferroni),
    because which arm leads was learnt from the same figures."""
    ahead = {comparison.variant for comparison in comparisons if comparison.better}
    if not request.rivals or request.pairs or not ahead or len(sides) < 3:
        return ()
    leader = max(
        (side for side in sides if side.name in ahead),
        key=lambda side: side.moments.mean if side.moments else 0.0,
    )
    others = [side for side in sides if side.name not in (request.control, leader.name) and side.moments is not None]
    corrected = Correction.NONE if request.correction is Correction.NONE else Correction.BONFERRONI
    asked = replace(request, correction=corrected)
    return _judged([compare(other, leader, asked) for other in others], asked)


def _overall(sides: list[Side]) -> Overall | None:
    """Over the arms that can be reckoned with; one that cannot is left out."""
    usable = [side for side in sides if side.moments is not None]
    if len(usable) < 2:
        return None
    counts = [side.counts for side in usable]
    rates = [count for count in counts if count is not None]
    if len(rates) == len(usable):
        return chi_square(rates)
    return analysis_of_variance([side.moments for side in usable if side.moments is not None])


def _figures(side: Side, request: AnalysisRequest) -> ArmFigures:
    alpha = 1 - request.confidence
    sample, moments = side.sample, side.moments
    if moments is None:
        return ArmFigures(
            side.name,
            sample.n,
            note=sample.why if isinstance(sample, Unusable) else "too few contacts to reckon with",
        )
    if isinstance(sample, Proportion):
        interval = rate_interval(request.rate_interval, sample.conversions, sample.n, alpha, request.tuning)
        return ArmFigures(side.name, sample.n, rate=moments.mean, interval=interval)
    return ArmFigures(
        side.name,
        sample.n,
        mean=moments.mean,
        variance=moments.variance,
        interval=mean_interval(moments, alpha),
    )


def _formula(request: AnalysisRequest) -> str:
    """The choices behind the figures, in words, where references differ."""
    relative = "; relative difference by the delta method, over the control" if request.difference == "relative" else ""
    correction = "" if request.method is Method.BAYESIAN else _CORRECTIONS[request.correction]
    return _METHODS[request.method](request) + relative + correction


def _bayesian_formula(request: AnalysisRequest) -> str:
    prior = request.prior
    if isinstance(prior, BetaPrior) and any(isinstance(arm.sample, Proportion) for arm in request.arms):
        known = f"exact beta-binomial, prior Beta({prior.alpha:g}, {prior.beta:g})"
    elif isinstance(prior, BetaPrior) or prior.variance is None:
        known = "normal posterior of the difference, flat prior"
    else:
        known = f"normal posterior of the difference, prior N({prior.mean:g}, {prior.variance:g})"
    return f"{known}; looks are not corrected for"


def _planned_looks(request: AnalysisRequest) -> str:
    sides = 2 if request.alternative == "two_sided" else 1
    used = spent_so_far(request.information, 1 - request.confidence, sides, request.spending)[-1]
    name = "O'Brien-Fleming type, each side its own level" if request.spending == "obrien_fleming" else "level x t^2"
    return f"group-sequential, spending {name}: {used:.6g} used up at this look"


_METHODS: dict[Method, Callable[[AnalysisRequest], str]] = {
    Method.Z_POOLED: lambda _: "two-proportion z-test, pooled variance; interval of Wald (unpooled)",
    Method.Z_UNPOOLED: lambda _: "two-proportion z-test, unpooled variance; interval of Wald",
    Method.FISHER: lambda _: "Fisher's exact test, all tables as unlikely as this one; interval of Newcombe",
    Method.WELCH: lambda _: "Welch's t-test; a rate has the variance p(1 - p), without n - 1",
    Method.SEQUENTIAL: lambda request: (
        f"asymptotic confidence sequence (Waudby-Smith et al., eq. 9), tuning {request.tuning:g}, unpooled variance"
    ),
    Method.GROUP_SEQUENTIAL: _planned_looks,
    Method.BAYESIAN: _bayesian_formula,
}
_CORRECTIONS = {
    Correction.HOLM: "; p adjusted by Holm",
    Correction.BENJAMINI_HOCHBERG: "; p adjusted by Benjamini and Hochberg",
    Correction.BONFERRONI: "; p adjusted by Bonferroni",
    Correction.NONE: "; p not adjusted",
}
