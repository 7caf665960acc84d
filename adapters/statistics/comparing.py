"""One arm held against another by the asked method. What cannot be told has a note, never NaN."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.statistics.always_valid_rate import always_valid_interval
from adapters.statistics.bayesian_normal import posterior
from adapters.statistics.bayesian_rates import BetaPosterior, chances, credible_interval
from adapters.statistics.cuped import cuped_effect
from adapters.statistics.effect import Effect, effect_of, judged
from adapters.statistics.group_sequential import z_bounds
from adapters.statistics.intervals import newcombe
from adapters.statistics.means import welch
from adapters.statistics.moments import Moments
from adapters.statistics.proportions import Counts, fisher, pooled_z, unpooled_z
from adapters.statistics.sequential import always_valid_p, multiplier
from adapters.statistics.tails import around, critical_z, p_of_z
from domain.ab_test.analysis import (
    Alternative,
    AnalysisRequest,
    BetaPrior,
    Comparison,
    Difference,
    Interval,
    Method,
    NormalPrior,
)
from domain.ab_test.plan import Correction
from domain.ab_test.samples import Mean, Proportion, Sample, Unusable

NO_CONVERSIONS = "nobody converted, or everybody: there is nothing to tell apart"


@dataclass(frozen=True, slots=True)
class Side:
    """One arm of a comparison, its moments reckoned once for all comparisons."""

    name: str
    sample: Sample
    moments: Moments | None

    @property
    def counts(self) -> Counts | None:
        """Conversions and n, where the metric is a rate."""
        return (self.sample.conversions, self.sample.n) if isinstance(self.sample, Proportion) else None


def compare(control: Side, variant: Side, request: AnalysisRequest) -> Comparison:
    """Variant minus control. What depends on the other comparisons (``p_adjusted``, ``significant`` by
    p-value) is set where all of them are known."""
    if control.moments is None or variant.moments is None:
        return Comparison(variant.name, control.name, note=_missing(control, variant))
    absolute = _effect(control, control.moments, variant, variant.moments, Difference.ABSOLUTE)
    asked = absolute
    if request.difference is Difference.RELATIVE:
        asked = _effect(control, control.moments, variant, variant.moments, Difference.RELATIVE)
    base = control.moments.mean
    known = Comparison(
        variant.name,
        control.name,
        difference=absolute.estimate,
        relative=absolute.estimate / base if base > 0 else None,
        standard_error=asked.standard_error if asked.standard_error > 0 else None,
        note=asked.note,
    )
    first, second = control.counts, variant.counts
    if first and second:
        match request.method:
            case Method.Z_POOLED | Method.Z_UNPOOLED:
                return _z_test(known, asked, first, second, request)
            case Method.FISHER:
                return _fisher(known, first, second, request)
            case Method.BAYESIAN if isinstance(request.prior, BetaPrior):
                return _beta_binomial(known, first, second, request.prior, request)
    if not asked.standard_error > 0:
        return _without_variance(known, first, second, request)
    match request.method:
        case Method.BAYESIAN:
            return _normal(known, asked, request)
        case Method.SEQUENTIAL:
            return _always_valid(known, asked, request)
        case Method.GROUP_SEQUENTIAL:
            return _at_a_planned_look(known, asked, request)
    t, p_value, interval = welch(asked, 1 - request.confidence, request.alternative)
    return replace(known, interval=interval, statistic=t, p_value=p_value, degrees_of_freedom=asked.degrees_of_freedom)


def _without_variance(
    known: Comparison, first: Counts | None, second: Counts | None, request: AnalysisRequest
) -> Comparison:
    """Nothing can be told: p is 1. Two rates still have an interval that holds at any look."""
    if request.method is Method.BAYESIAN:
        return known
    interval: Interval | None = None
    if first and second and request.difference is Difference.ABSOLUTE:
        interval = _always_valid_difference(first, second, request)
    return replace(known, interval=interval, p_value=1.0)


def _always_valid_difference(first: Counts, second: Counts, request: AnalysisRequest) -> Interval:
    """Two always-valid rate intervals of half the error each: holds where neither rate varies yet."""
    alpha = (1 - request.confidence) / 2
    low_c, high_c = always_valid_interval(*first, alpha, request.tuning)
    low_v, high_v = always_valid_interval(*second, alpha, request.tuning)
    return low_v - high_c, high_v - low_c


def _missing(control: Side, variant: Side) -> str:
    for side in (variant, control):
        if side.moments is None:
            why = side.sample.why if isinstance(side.sample, Unusable) else "too few contacts to reckon with"
            return f"{side.name}: {why}"
    return ""


def _effect(control: Side, base: Moments, variant: Side, other: Moments, difference: Difference) -> Effect:
    a, b = control.sample, variant.sample
    if isinstance(a, Mean) and isinstance(b, Mean) and a.covariate and b.covariate:
        return cuped_effect(a, b, difference)
    effect = effect_of(base, other, difference)
    first, second = control.counts, variant.counts
    if effect.standard_error > 0 or difference is Difference.RELATIVE or not (first and second):
        return effect
    rate = (first[0] + second[0]) / effect.n
    variance = rate * (1 - rate) * (1 / first[1] + 1 / second[1])
    note = "neither rate varies in its own arm: the standard error is the pooled one" if variance else NO_CONVERSIONS
    return replace(judged(effect.estimate, variance, effect.n, effect.degrees_of_freedom), note=note)


def _z_test(known: Comparison, asked: Effect, first: Counts, second: Counts, request: AnalysisRequest) -> Comparison:
    """Pooled or unpooled z; the interval is Wald's (unpooled), or Newcombe's where Wald has no width."""
    alpha = 1 - request.confidence
    z, note = pooled_z(first, second), asked.note
    if request.method is Method.Z_UNPOOLED:
        z = unpooled_z(first, second) or z
    interval: Interval | None = None
    if asked.standard_error > 0:
        interval = around(
            asked.estimate, critical_z(alpha, request.alternative) * asked.standard_error, request.alternative
        )
    elif request.difference is Difference.ABSOLUTE:
        interval = _newcombe(first, second, request)
        note = NO_CONVERSIONS
    p_value = 1.0 if z is None else p_of_z(z, request.alternative)
    return replace(known, interval=interval, statistic=z, p_value=p_value, note=note)


def _newcombe(first: Counts, second: Counts, request: AnalysisRequest) -> Interval:
    alpha = 1 - request.confidence
    low, high = newcombe(first, second, alpha if request.alternative is Alternative.TWO_SIDED else 2 * alpha)
    return (
        None if request.alternative is Alternative.LESS else low,
        None if request.alternative is Alternative.GREATER else high,
    )


def _fisher(known: Comparison, first: Counts, second: Counts, request: AnalysisRequest) -> Comparison:
    """The exact p with the odds ratio; the interval is Newcombe's."""
    interval = _newcombe(first, second, request)
    told = fisher(first, second, request.alternative)
    if told is None:
        z = pooled_z(first, second)
        p_value = 1.0 if z is None else p_of_z(z, request.alternative)
        note = "more than a million contacts: the pooled z-test in place of Fisher's"
        return replace(known, interval=interval, statistic=z, p_value=p_value, note=note)
    return replace(known, interval=interval, statistic=told[0], p_value=told[1])


def _always_valid(known: Comparison, asked: Effect, request: AnalysisRequest) -> Comparison:
    alpha = 1 - request.confidence
    reach = multiplier(asked.n, alpha, request.tuning, request.alternative)
    return replace(
        known,
        interval=around(asked.estimate, reach * asked.standard_error, request.alternative),
        statistic=asked.statistic,
        p_value=always_valid_p(asked.statistic, asked.n, alpha, request.tuning, request.alternative),
    )


def _at_a_planned_look(known: Comparison, asked: Effect, request: AnalysisRequest) -> Comparison:
    """Significant beyond the bound of this look; the p-value is the plain one and decides nothing. With
    several arms each comparison gets its part of the error (Bonferroni), whichever correction is asked."""
    sides = 2 if request.alternative is Alternative.TWO_SIDED else 1
    alpha = 1 - request.confidence
    if request.correction is not Correction.NONE:
        alpha /= len(request.arms) - 1
    reach = z_bounds(request.information, alpha, sides, request.spending)[-1]
    toward = asked.statistic if request.alternative is not Alternative.LESS else -asked.statistic
    return replace(
        known,
        interval=around(asked.estimate, reach * asked.standard_error, request.alternative),
        statistic=asked.statistic,
        p_value=p_of_z(asked.statistic, request.alternative),
        significant=(abs(toward) if sides == 2 else toward) >= reach,
        note=f"decided by the bound {reach:.4f} of look {len(request.information)}, not by the p-value",
    )


def _beta_binomial(
    known: Comparison, first: Counts, second: Counts, prior: BetaPrior, request: AnalysisRequest
) -> Comparison:
    control, variant = (BetaPosterior(prior.alpha + x, prior.beta + n - x) for x, n in (first, second))
    told = chances(control, variant)
    change = variant.mean - control.mean
    return replace(
        known,
        interval=credible_interval(control, variant, request.difference, 1 - request.confidence),
        posterior_mean=change if request.difference is Difference.ABSOLUTE else change / control.mean,
        chance_to_beat=told.beat,
        expected_loss=told.loss,
        expected_loss_control=told.loss_control,
        significant=_sure(told.beat, request),
    )


def _normal(known: Comparison, asked: Effect, request: AnalysisRequest) -> Comparison:
    prior = request.prior if isinstance(request.prior, NormalPrior) else NormalPrior()
    told = posterior(asked, prior)
    return replace(
        known,
        interval=told.interval(1 - request.confidence),
        standard_error=told.deviation,
        posterior_mean=told.mean,
        chance_to_beat=told.chance_to_beat,
        expected_loss=told.loss,
        expected_loss_control=told.loss_control,
        significant=_sure(told.chance_to_beat, request),
    )


def _sure(chance: float, request: AnalysisRequest) -> bool:
    above, below = chance >= request.confidence, chance <= 1 - request.confidence
    match request.alternative:
        case Alternative.GREATER:
            return above
        case Alternative.LESS:
            return below
    return above or below
