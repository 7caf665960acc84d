"""What must never happen: NaN, infinity or a crash, whatever the counts; and one bad arm spoiling the
others."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.statistics.scipy_significance import ScipySignificance
from application.evaluate_ab_test import evaluate
from domain.ab_test.analysis import (
    Analysis,
    AnalysisRequest,
    Arm,
    BetaPrior,
    Difference,
    Method,
    RatioPhase,
)
from domain.ab_test.decision import Status, Verdict
from domain.ab_test.evidence import ArmEvidence, Evidence
from domain.ab_test.plan import Approach, Correction, GuardrailMetric, Metric, MinimumSample, Plan, Variant
from domain.ab_test.samples import Mean, Proportion, Sample, Unusable
from domain.shared.errors import Invalid

STATISTICS = ScipySignificance()
RATE_METHODS = [method for method in Method if method is not Method.GROUP_SEQUENTIAL]
MEAN_METHODS = [Method.WELCH, Method.SEQUENTIAL, Method.BAYESIAN]
BILLION = 10**9


def _numbers(value: Any) -> list[float]:
    if is_dataclass(value):
        return [number for field in fields(value) for number in _numbers(getattr(value, field.name))]
    if isinstance(value, tuple | list):
        return [number for one in value for number in _numbers(one)]
    return [value] if isinstance(value, float) else []


def _analysed(samples: list[Sample], method: Method, **more: Any) -> Analysis:
    arms = tuple(Arm(name, sample) for name, sample in zip("abc", samples, strict=False))
    sizes = tuple(sample.n for sample in samples)
    phases = (RatioPhase(sizes, tuple(1.0 for _ in sizes)),)
    analysis = STATISTICS.analyse(AnalysisRequest(arms, "a", method, phases=phases, **more))
    assert all(math.isfinite(number) for number in _numbers(analysis))
    return analysis


@pytest.mark.req("ABT-3")
@pytest.mark.parametrize("difference", list(Difference))
@pytest.mark.parametrize("method", RATE_METHODS)
@pytest.mark.parametrize(
    ("control", "variant"),
    [
        ((0, 0), (0, 0)),
        ((0, 0), (5, 100)),
        ((0, 100), (0, 100)),
        ((0, 100), (5, 100)),
        ((0, 100), (100, 100)),
        ((100, 100), (100, 100)),
        ((100, 100), (100, 5000)),
        ((50, 100), (50, 100)),
        ((1, 1), (0, 1)),
        ((0, BILLION), (1, BILLION)),
        ((BILLION // 2, BILLION), (BILLION // 2 + 1, BILLION)),
        ((BILLION, BILLION), (0, BILLION)),
    ],
    ids=str,
)
def test_any_counts_have_an_answer(
    method: Method, difference: Difference, control: tuple[int, int], variant: tuple[int, int]
) -> None:
    if method is Method.FISHER and difference is Difference.RELATIVE:
        return
    (x_c, n_c), (x_v, n_v) = control, variant

    analysis = _analysed([Proportion(n_c, x_c), Proportion(n_v, x_v)], method, difference=difference)

    told = analysis.comparisons[0]
    if 0 in (n_c, n_v):
        assert told.difference is None
        assert told.note
    else:
        assert told.difference == x_v / n_v - x_c / n_c
        assert not told.significant or x_c * n_v != x_v * n_c
        assert told.p_value is None or 0 < told.p_value <= 1
        assert told.interval is None or (told.interval[0] or 0) <= (told.interval[1] or 0)


@pytest.mark.parametrize("method", RATE_METHODS)
def test_equal_rates_are_no_difference(method: Method) -> None:
    told = _analysed([Proportion(5000, 500), Proportion(5000, 500)], method).comparisons[0]

    assert told.difference == 0
    assert told.relative == 0
    assert not told.significant
    assert (told.p_value or told.chance_to_beat) == pytest.approx(0.5 if method is Method.BAYESIAN else 1)


@pytest.mark.parametrize("method", [Method.Z_POOLED, Method.SEQUENTIAL, Method.BAYESIAN, Method.FISHER])
def test_all_against_none_is_told_apart(method: Method) -> None:
    told = _analysed([Proportion(2000, 0), Proportion(2000, 2000)], method).comparisons[0]

    assert told.better
    assert told.relative is None


@pytest.mark.parametrize("method", MEAN_METHODS)
@pytest.mark.parametrize("difference", list(Difference))
@pytest.mark.parametrize(
    "sample",
    [
        Mean(0, 0, 0),
        Mean(1, 10, 100),
        Mean(100, 0, 0),
        Mean(100, 1000, 10_000),
        Mean(100, -50_000, 90_000_000),
        Mean(BILLION, 10**15, 10**24),
        Mean(2, 1e30, 1e60),
    ],
    ids=str,
)
def test_any_sums_have_an_answer(method: Method, difference: Difference, sample: Mean) -> None:
    other = Mean(100, 20_000, 50_000_000)

    for pair in ([other, sample], [sample, other]):
        told = _analysed([*pair], method, difference=difference).comparisons[0]
        assert told.difference is not None or told.note


def test_a_refund_larger_than_the_revenue_is_a_negative_mean() -> None:
    analysis = _analysed([Mean(100, 5000, 2_500_000), Mean(100, -5000, 2_500_000)], Method.WELCH)

    assert analysis.arms[1].mean == -50
    assert analysis.comparisons[0].worse


def test_one_arm_that_cannot_be_analysed_spoils_no_other() -> None:
    good, bad = Proportion(5000, 400), Unusable(10, "its figures make no sense")
    alone = _analysed([Proportion(5000, 300), good], Method.SEQUENTIAL)

    beside = _analysed([Proportion(5000, 300), good, bad], Method.SEQUENTIAL)

    assert beside.comparisons[0] == alone.comparisons[0]
    assert beside.comparisons[1].note == "c: its figures make no sense"
    assert beside.arms[2].note == "its figures make no sense"


@pytest.mark.parametrize("method", MEAN_METHODS)
def test_a_variance_is_exact_however_large_the_sums(method: Method) -> None:
    """A billion contacts who each brought 10,000,000 or 10,000,001: floating sums of squares would see no
    variance."""
    half = BILLION // 2
    low, high = 10**7, 10**7 + 1
    sample = Mean(BILLION, half * (low + high), half * (low * low + high * high))

    figures = _analysed([sample, sample], method).arms[0]

    assert figures.variance == pytest.approx(0.25, rel=1e-8)


ARM = st.builds(
    ArmEvidence,
    st.just(""),
    contacts=st.integers(0, BILLION),
    clicked=st.integers(0, BILLION),
    engaged=st.integers(0, BILLION),
    converted=st.integers(0, BILLION),
    impressions=st.integers(0, BILLION),
    opens=st.integers(0, BILLION),
    clicks=st.integers(0, BILLION),
    conversions=st.integers(0, BILLION),
    guarded=st.dictionaries(st.sampled_from(list(GuardrailMetric)), st.integers(0, BILLION)),
)


@given(
    arms=st.lists(ARM, min_size=3, max_size=3),
    rows=st.lists(st.lists(st.integers(-(10**12), 10**12), max_size=4), min_size=3, max_size=3),
    metric=st.sampled_from(list(Metric)),
    analysis=st.sampled_from(list(Approach)),
    correction=st.sampled_from(list(Correction)),
    crossed=st.integers(0, BILLION),
    status=st.sampled_from(list(Status)),
)
def test_any_evidence_has_a_verdict_with_reasons(
    arms: list[ArmEvidence],
    rows: list[list[int]],
    metric: Metric,
    analysis: Approach,
    correction: Correction,
    crossed: int,
    status: Status,
) -> None:
    if metric is Metric.REVENUE:
        named = [
            ArmEvidence(name, len(row), contact_revenue=sum(row), contact_revenue_squares=sum(x * x for x in row))
            for name, row in zip("abc", rows, strict=True)
        ]
    else:
        named = [ArmEvidence(**{**vars(arm), "variant": name}) for name, arm in zip("abc", arms, strict=True)]
    plan = Plan(
        metric,
        tuple(Variant(name, control=name == "a") for name in "abc"),
        analysis=analysis,
        correction=correction,
        minimum_sample=MinimumSample(0, 0, 0),
    )

    result = evaluate(plan, status, Evidence(tuple(named), crossed=crossed, per_day=1.0), STATISTICS)

    assert all(math.isfinite(number) for number in _numbers(result))
    assert result.decision.reasons
    assert (result.decision.winner is not None) == (result.decision.verdict is Verdict.WINNER)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"arms": (Arm("a", Proportion(10, 11)), Arm("b", Proportion(10, 1)))}, "/variants/0/conversions"),
        ({"arms": (Arm("a", Proportion(10, 1)), Arm("b", Proportion(-1, 0)))}, "/variants/1/n"),
        ({"arms": (Arm("a", Mean(10, 100, 1)), Arm("b", Mean(10, 1, 1)))}, "/variants/0/sum_squares"),
        ({"arms": (Arm("a", Mean(10, math.nan, 1)), Arm("b", Mean(10, 1, 1)))}, "/variants/0/sum"),
        ({"arms": (Arm("a", Proportion(10, 1)), Arm("a", Proportion(10, 1)))}, "/variants/1/name"),
        ({"arms": (Arm("a", Proportion(10, 1)),)}, "/variants"),
        ({"arms": (Arm("a", Proportion(10, 1)), Arm("b", Mean(10, 1, 1)))}, "/variants"),
        ({"control": "z"}, "/control"),
        ({"confidence": 1.0}, "/confidence"),
        ({"confidence": math.nan}, "/confidence"),
        ({"tuning": 0}, "/tuning"),
        ({"prior": BetaPrior(0, 1)}, "/prior"),
        ({"phases": (RatioPhase((10, 10), (1.0,)),)}, "/shares"),
        ({"method": Method.GROUP_SEQUENTIAL, "information": (0.5, 0.4)}, "/information"),
        ({"method": Method.FISHER, "difference": Difference.RELATIVE}, "/difference"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_pointer(change: dict[str, Any], pointer: str) -> None:
    arms = (Arm("a", Proportion(10, 1)), Arm("b", Proportion(10, 2)))
    asked: dict[str, Any] = {"arms": arms, "control": "a", **change}

    with pytest.raises(Invalid) as refusal:
        STATISTICS.analyse(AnalysisRequest(**asked))

    assert pointer in [fault.pointer for fault in refusal.value.faults]
