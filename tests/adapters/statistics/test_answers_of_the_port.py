"""What the port answers beyond the reference cases: choices are named, draws repeat, signs are right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.statistics.bayesian_rates import BetaPosterior, chances, credible_interval
from adapters.statistics.scipy_significance import ScipySignificance
from application.ports_statistics import SignificanceTest
from domain.ab_test.allocation import AllocationRequest
from domain.ab_test.analysis import (
    Alternative,
    AnalysisRequest,
    Arm,
    Difference,
    Method,
    RatioPhase,
)
from domain.ab_test.plan import Approach, Correction
from domain.ab_test.samples import Mean, Proportion, Values
from domain.ab_test.sizing import NullVariance, PlanRequest
from domain.shared.errors import Invalid

STATISTICS: SignificanceTest = ScipySignificance()
COOKIE_CATS = (Arm("gate_30", Proportion(44700, 8502)), Arm("gate_40", Proportion(45489, 8279)))


def _analysed(**asked: Any) -> Any:
    return STATISTICS.analyse(AnalysisRequest(**{"arms": COOKIE_CATS, "control": "gate_30", **asked}))


@pytest.mark.req("ABT-3")
def test_fisher_has_the_interval_of_newcombe() -> None:
    told = _analysed(method=Method.FISHER).comparisons[0]

    assert told.interval == pytest.approx((-0.013281940871914845, -0.00312130268876128), abs=1e-12)
    assert told.statistic == pytest.approx((8279 * (44700 - 8502)) / ((45489 - 8279) * 8502))
    assert told.p_value == pytest.approx(0.0016, abs=1e-4)


def test_fisher_of_the_lady_tasting_tea() -> None:
    arms = (Arm("a", Proportion(4, 1)), Arm("b", Proportion(4, 3)))

    one, two = (
        STATISTICS.analyse(AnalysisRequest(arms, "a", Method.FISHER, alternative=side)).comparisons[0].p_value
        for side in (Alternative.GREATER, Alternative.TWO_SIDED)
    )

    assert one == pytest.approx(17 / 70)
    assert two == pytest.approx(34 / 70)


@pytest.mark.req("ABT-4")
def test_a_planned_look_is_decided_by_its_bound() -> None:
    looks = {"method": Method.GROUP_SEQUENTIAL, "information": (0.25, 0.5, 0.75)}

    told = _analysed(**looks)
    comparison = told.comparisons[0]

    assert comparison.statistic == pytest.approx(-3.164, abs=1e-3)
    assert comparison.worse  # the third bound is 2.359
    assert "2.35" in comparison.note
    assert "0.0192986 used up" in told.formula
    assert not _analysed(**looks | {"information": (0.25,)}).comparisons[0].significant


@pytest.mark.parametrize("method", [Method.Z_POOLED, Method.WELCH, Method.SEQUENTIAL, Method.BAYESIAN])
@pytest.mark.parametrize("difference", list(Difference))
def test_less_is_greater_with_the_arms_changed(method: Method, difference: Difference) -> None:
    less = _analysed(method=method, alternative=Alternative.LESS, difference=difference).comparisons[0]
    greater = _analysed(method=method, alternative=Alternative.GREATER, difference=difference).comparisons[0]
    swapped = _analysed(
        method=method, control="gate_40", alternative=Alternative.GREATER, difference=Difference.ABSOLUTE
    ).comparisons[0]

    assert less.worse
    assert not greater.significant
    if method is not Method.BAYESIAN:
        assert (less.interval[0], greater.interval[1]) == (None, None)
        assert less.interval[1] < 0
    if difference is Difference.ABSOLUTE and method is not Method.BAYESIAN:
        assert less.p_value == pytest.approx(swapped.p_value)
        assert less.interval[1] == pytest.approx(-swapped.interval[0])


@pytest.mark.parametrize("alternative", list(Alternative))
@pytest.mark.parametrize("difference", list(Difference))
def test_an_always_valid_p_is_at_the_level_just_where_the_interval_touches_zero(
    alternative: Alternative, difference: Difference
) -> None:
    asked = {"method": Method.SEQUENTIAL, "alternative": alternative, "difference": difference}
    p = _analysed(**asked).comparisons[0].p_value

    low, high = _analysed(**asked, confidence=1 - p).comparisons[0].interval if p < 0.5 else (None, 0.0)

    if p < 0.5:  # the mixture's width depends on the level, so the edge is met to a few thousandths
        edge = high if alternative is not Alternative.GREATER else low
        assert edge == pytest.approx(0, abs=0.002 if difference is Difference.ABSOLUTE else 0.01)


def test_the_corrections_are_named_and_ordered() -> None:
    arms = (*COOKIE_CATS, Arm("gate_50", Proportion(45000, 8600)))
    told = {
        correction: STATISTICS.analyse(AnalysisRequest(arms, "gate_30", Method.Z_POOLED, correction=correction))
        for correction in Correction
    }

    p = {correction: [one.p_adjusted for one in analysis.comparisons] for correction, analysis in told.items()}
    assert "Holm" in told[Correction.HOLM].formula
    for none, bh, holm, bonferroni in zip(
        p[Correction.NONE],
        p[Correction.BENJAMINI_HOCHBERG],
        p[Correction.HOLM],
        p[Correction.BONFERRONI],
        strict=True,
    ):
        assert none <= bh <= holm <= bonferroni  # type: ignore[operator]


def test_many_means_are_compared_by_analysis_of_variance() -> None:
    """By hand: means 1, 2, 4 of three values each; 7 between the arms, 1 within them, F = 7."""
    arms = tuple(
        Arm(name, Values(tuple(float(middle + step) for step in (-1, 0, 1))))
        for name, middle in (("a", 1), ("b", 2), ("c", 4))
    )

    overall = STATISTICS.analyse(AnalysisRequest(arms, "a", Method.WELCH)).overall

    assert overall
    assert overall.statistic == pytest.approx(7.0)
    assert (overall.degrees_of_freedom, overall.within) == (2, 6)
    assert overall.p_value == pytest.approx(0.027, abs=1e-3)


def test_a_fortune_counts_as_the_threshold() -> None:
    ordinary = tuple(float(value) for value in (100, 200, 300, 200, 100))
    arms = (Arm("a", Values(ordinary)), Arm("b", Values((*ordinary, 1_000_000.0))))
    request = AnalysisRequest(arms, "a", Method.WELCH, winsorise_at=500)

    capped = STATISTICS.analyse(request).arms[1]

    assert capped.mean == pytest.approx((900 + 500) / 6)
    with pytest.raises(Invalid):
        STATISTICS.analyse(replace(request, arms=(Arm("a", Mean(9, 9, 9)), Arm("b", Mean(9, 9, 9)))))


@pytest.mark.req("ABT-4")
def test_a_plan_has_size_days_and_the_name_of_its_formula() -> None:
    asked = PlanRequest(baseline=0.2, minimum_effect=0.05, contacts_per_day=1000)

    pooled = STATISTICS.plan(asked)
    baseline = STATISTICS.plan(replace(asked, null_variance=NullVariance.BASELINE))
    sequential = STATISTICS.plan(replace(asked, analysis=Approach.SEQUENTIAL))
    three = STATISTICS.plan(replace(asked, variants=3))
    corrected = STATISTICS.plan(replace(asked, variants=3, correction=Correction.HOLM))

    assert (pooled.n_per_variant, pooled.power, pooled.days) == (1094, 0.8, 3)
    assert "pooled (R power.prop.test)" in pooled.formula
    assert baseline.n_per_variant == 1030
    assert sequential.n_per_variant > pooled.n_per_variant
    assert (three.n_per_variant, three.days) == (1094, 4)
    assert corrected.n_per_variant > three.n_per_variant
    assert "divided by 2 comparisons" in corrected.formula


@pytest.mark.parametrize("analysis", [Approach.FIXED, Approach.SEQUENTIAL])
@pytest.mark.parametrize("deviation", [None, 3.0])
def test_a_planned_size_has_the_power_it_was_planned_for(analysis: Approach, deviation: float | None) -> None:
    asked = PlanRequest(0.3, 0.04, power=0.9, analysis=analysis, deviation=deviation)
    size = STATISTICS.plan(asked).n_per_variant

    at, below = (STATISTICS.plan(replace(asked, power=None, n_per_variant=n)).power for n in (size, size - 1))

    assert below < 0.9 <= at


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"baseline": 0.0}, "/baseline"),
        ({"baseline": 0.99}, "/minimum_effect"),
        ({"minimum_effect": 0.0}, "/minimum_effect"),
        ({"power": 1.0}, "/power"),
        ({"variants": 1}, "/variants"),
        ({"n_per_variant": 1}, "/n_per_variant"),
        ({"contacts_per_day": 0}, "/contacts_per_day"),
        ({"deviation": -1.0}, "/deviation"),
        ({"confidence": float("nan")}, "/confidence"),
    ],
)
def test_what_cannot_be_planned_is_refused_by_its_pointer(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        STATISTICS.plan(PlanRequest(**{"baseline": 0.2, "minimum_effect": 0.05, **change}))

    assert pointer in [fault.pointer for fault in refusal.value.faults]


@pytest.mark.req("ABT-4")
def test_a_bandit_gives_the_same_shares_for_the_same_seed_and_keeps_the_floor() -> None:
    arms = (
        Arm("a", Proportion(1000, 10)),
        Arm("b", Proportion(1000, 60)),
        Arm("c", Proportion(1000, 12)),
    )
    asked = AllocationRequest(arms, seed=42, floor=0.05)

    told = STATISTICS.allocate(asked)

    assert told == STATISTICS.allocate(asked)
    assert told != STATISTICS.allocate(replace(asked, seed=43))
    assert min(told.shares) >= 0.05
    assert told.shares[1] == max(told.shares) == pytest.approx(0.9, abs=1e-3)
    assert sum(told.shares) == pytest.approx(1)
    assert told.seed == 42


def test_a_bandits_draws_stay_as_they_are_through_releases() -> None:
    """Recorded when written: a result of today must be reckoned alike in ten years."""
    arms = (Arm("a", Proportion(100, 10)), Arm("b", Proportion(100, 14)))

    assert STATISTICS.allocate(AllocationRequest(arms, seed=1)).chances == (0.198, 0.802)


def test_a_bandit_judges_nobody_unheard() -> None:
    arms = (Arm("a", Mean(1, 5, 25)), Arm("b", Mean(1000, 5000, 30_000)))

    assert STATISTICS.allocate(AllocationRequest(arms, seed=1)).shares == (0.5, 0.5)


def test_a_bandit_follows_revenue_too() -> None:
    arms = (Arm("a", Mean(1000, 5000, 30_000)), Arm("b", Mean(1000, 5900, 40_000)))

    assert STATISTICS.allocate(AllocationRequest(arms, seed=1)).shares[1] > 0.9


@given(
    control=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    variant=st.tuples(st.integers(1, 400), st.integers(1, 400)),
)
def test_chances_of_two_arms_mirror_each_other(control: tuple[int, int], variant: tuple[int, int]) -> None:
    a, b = BetaPosterior(*control), BetaPosterior(*variant)

    there, back = chances(a, b), chances(b, a)

    assert there.beat + back.beat == pytest.approx(1, abs=1e-10)
    assert there.loss == pytest.approx(back.loss_control, abs=1e-12)
    assert there.loss_control - there.loss == pytest.approx(b.mean - a.mean, abs=1e-12)
    low, high = credible_interval(a, b, Difference.ABSOLUTE, 0.05)
    assert credible_interval(b, a, Difference.ABSOLUTE, 0.05) == pytest.approx((-high, -low), abs=1e-7)


def test_chances_and_intervals_agree_with_a_million_draws() -> None:
    chance = np.random.default_rng(5)
    a, b = BetaPosterior(12.5, 90.5), BetaPosterior(30.5, 160.5)
    x, y = chance.beta(a.alpha, a.beta, 1_000_000), chance.beta(b.alpha, b.beta, 1_000_000)

    told = chances(a, b)

    assert told.beat == pytest.approx((y > x).mean(), abs=0.002)
    assert told.loss == pytest.approx(np.maximum(x - y, 0).mean(), rel=0.01)
    for difference, drawn in ((Difference.ABSOLUTE, y - x), (Difference.RELATIVE, y / x - 1)):
        expected = tuple(np.quantile(drawn, [0.025, 0.975]))
        assert credible_interval(a, b, difference, 0.05) == pytest.approx(expected, rel=0.01, abs=2e-4)


def test_arms_of_another_share_are_healthy_and_a_share_of_nothing_is_not() -> None:
    phases = (RatioPhase((5000, 2500), (2, 1)),)
    arms = (Arm("a", Proportion(5000, 100)), Arm("b", Proportion(2500, 50)))

    ratio = STATISTICS.analyse(AnalysisRequest(arms, "a", phases=phases)).sample_ratio
    closed = STATISTICS.analyse(AnalysisRequest(arms, "a", phases=(RatioPhase((5000, 2500), (1, 0)),))).sample_ratio

    assert ratio
    assert (ratio.statistic, ratio.ok) == (0, True)
    assert closed
    assert not closed.ok
