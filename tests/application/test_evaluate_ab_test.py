"""What a test's figures allow one to say, from the plan and the counts to the verdict in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.statistics.scipy_significance import ScipySignificance
from application.evaluate_ab_test import analyse_summaries, evaluate
from domain.ab_test.analysis import AnalysisRequest, Arm, Method, RatioPhase
from domain.ab_test.decision import Decision, Status, Verdict
from domain.ab_test.evidence import AllocationPhase, ArmEvidence, Denominator, Evidence
from domain.ab_test.plan import Approach, Change, Guardrail, GuardrailMetric, Metric, Plan, Variant
from domain.ab_test.result import Result
from domain.ab_test.samples import Proportion

STATISTICS = ScipySignificance()
PLAN = Plan(Metric.CONVERSION, (Variant("control", control=True), Variant("mens"), Variant("womens")))
HILLSTROM = (
    ArmEvidence("control", contacts=21306, converted=122, conversions=122, contact_revenue=1390833,
                contact_revenue_squares=28700503621),
    ArmEvidence("mens", contacts=21307, converted=267, conversions=267, contact_revenue=3031169,
                contact_revenue_squares=67590244973),
    ArmEvidence("womens", contacts=21387, converted=189, conversions=189, contact_revenue=2303811,
                contact_revenue_squares=49114465763),
)  # fmt: skip


def _two(**changes: Any) -> Plan:
    plan = Plan(Metric.CONVERSION, (Variant("control", control=True), Variant("b")))
    return replace(plan, **changes)


def _counts(*arms: tuple[int, int], **more: Any) -> Evidence:
    """Contacts and those who converted, arm by arm."""
    names = ("control", "b", "c")
    return Evidence(
        tuple(ArmEvidence(name, contacts=n, converted=x) for name, (n, x) in zip(names, arms, strict=False)),
        **more,
    )


def _decided(plan: Plan, evidence: Evidence, status: Status = Status.RUNNING) -> Decision:
    return evaluate(plan, status, evidence, STATISTICS).decision


@pytest.mark.req("ABT-3")
def test_the_email_campaign_has_its_known_winner() -> None:
    fixed = replace(PLAN, analysis=Approach.FIXED)

    result = evaluate(fixed, Status.COMPLETED, Evidence(HILLSTROM), STATISTICS)

    mens, womens = result.analysis.comparisons
    assert (result.decision.verdict, result.decision.winner) == (Verdict.WINNER, "mens")
    assert mens.statistic == pytest.approx(7.385114410925771)
    assert mens.p_value == pytest.approx(1.5232235005955427e-13)
    assert mens.p_adjusted == pytest.approx(2 * 1.5232235005955427e-13)
    assert mens.interval == pytest.approx((0.005000171380452312, 0.008609841658779076))
    assert womens.p_value == pytest.approx(0.00015710512910668448)
    assert result.analysis.sample_ratio
    assert result.analysis.sample_ratio.statistic == pytest.approx(0.20253125)
    assert result.analysis.sample_ratio.p_value == pytest.approx(0.9036929575604196)
    assert result.evidence.denominator is Denominator.CONTACTS
    assert "mens is above control" in result.decision.reasons[0]
    assert "mens is above womens" in result.decision.reasons[1]


def test_the_default_tells_the_same_winner_at_any_look() -> None:
    decision = _decided(PLAN, Evidence(HILLSTROM))

    assert (decision.verdict, decision.winner) == (Verdict.WINNER, "mens")


@pytest.mark.req("ABT-3")
def test_revenue_is_compared_by_welch() -> None:
    plan = replace(PLAN, metric=Metric.REVENUE, analysis=Approach.FIXED)

    mens = evaluate(plan, Status.COMPLETED, Evidence(HILLSTROM), STATISTICS).analysis.comparisons[0]

    assert mens.statistic == pytest.approx(5.300140358411668)
    assert mens.difference == pytest.approx(76.98271558945367)


@pytest.mark.req("ABT-3")
def test_the_largest_rate_alone_wins_nothing() -> None:
    decision = _decided(_two(), _counts((5000, 500), (5000, 540)))

    assert decision.verdict is Verdict.NOT_YET
    assert decision.remaining.contacts is not None
    assert decision.remaining.contacts > 0


def test_what_is_left_is_told_in_days_at_the_present_traffic() -> None:
    decision = _decided(_two(baseline=0.1, analysis=Approach.FIXED), _counts((5000, 500), (5000, 540), per_day=1000))

    lacking = 2 * (14_751 - 5000)
    assert decision.remaining.contacts == lacking
    assert decision.remaining.days == -(-lacking // 1000)


@pytest.mark.req("ABT-4")
def test_a_fixed_test_says_nothing_before_its_planned_size() -> None:
    plan = _two(analysis=Approach.FIXED)
    early = _counts((5000, 500), (5000, 700))

    assert _decided(plan, early).verdict is Verdict.NOT_YET
    assert _decided(plan, early, Status.COMPLETED).winner == "b"
    assert _decided(plan, _counts((20_000, 2000), (20_000, 2300))).winner == "b"


def test_a_fixed_test_past_its_size_asks_to_be_completed() -> None:
    decision = _decided(_two(analysis=Approach.FIXED), _counts((20_000, 2000), (20_000, 2090)))

    assert decision.verdict is Verdict.NO_WINNER
    assert "complete it" in decision.reasons[-1]


@pytest.mark.req("ABT-3")
def test_a_difference_too_small_to_matter_is_a_tie() -> None:
    decision = _decided(_two(), _counts((200_000, 20_000), (200_000, 20_010)))

    assert decision.verdict is Verdict.TIE
    assert "below the minimum effect of 10 %" in decision.reasons[0]


def test_equal_rates_end_in_a_tie() -> None:
    assert _decided(_two(), _counts((200_000, 20_000), (200_000, 20_000))).verdict is Verdict.TIE


def test_two_leaders_that_cannot_be_told_apart_tie_at_the_end() -> None:
    plan = replace(PLAN, variants=(Variant("control", control=True), Variant("b"), Variant("c")))
    evidence = _counts((20_000, 1000), (20_000, 1400), (20_000, 1410))

    running, ended = _decided(plan, evidence), _decided(plan, evidence, Status.COMPLETED)

    assert running.verdict is Verdict.NOT_YET
    assert ended.verdict is Verdict.TIE
    assert "c and b cannot be told apart" in ended.reasons[0]


def test_the_control_wins_where_every_other_arm_is_worse() -> None:
    decision = _decided(_two(), _counts((20_000, 2400), (20_000, 2000)))

    assert (decision.verdict, decision.winner) == (Verdict.WINNER, "control")


@pytest.mark.req("ABT-3")
@pytest.mark.parametrize(
    ("metric", "arm", "lacking"),
    [
        (Metric.CONVERSION, {"contacts": 900, "converted": 300}, "900 contacts of at least 1,000"),
        (Metric.CONVERSION, {"contacts": 5000, "converted": 29}, "29 conversions of at least 30"),
        (Metric.REVENUE, {"contacts": 5000, "converted": 29}, "29 conversions of at least 30"),
        (Metric.CLICK, {"contacts": 5000, "clicked": 99}, "99 clicks of at least 100"),
        (Metric.ENGAGEMENT, {"contacts": 5000, "engaged": 99}, "99 engagements of at least 100"),
        (Metric.CLICK, {"impressions": 999, "clicks": 100}, "999 impressions of at least 1,000"),
    ],
)
def test_nothing_is_decided_below_the_minimum_sample(metric: Metric, arm: dict[str, Any], lacking: str) -> None:
    evidence = Evidence((ArmEvidence("control", **arm), ArmEvidence("b", **arm)))

    decision = _decided(_two(metric=metric), evidence)

    assert decision.verdict is Verdict.NOT_YET
    assert f"b has {lacking}." in decision.reasons


def test_sums_without_contacts_are_shares_of_impressions() -> None:
    arms = (
        ArmEvidence("control", impressions=50_000, clicks=1000, conversions=200),
        ArmEvidence("b", impressions=50_000, clicks=1400, conversions=210),
    )

    result = evaluate(_two(metric=Metric.CLICK), Status.RUNNING, Evidence(arms), STATISTICS)

    assert result.evidence.denominator is Denominator.IMPRESSIONS
    assert result.decision.winner == "b"
    assert result.analysis.arms[0].rate == 0.02


def test_an_arm_with_more_conversions_than_contacts_is_left_out_in_words() -> None:
    plan = replace(PLAN, variants=(Variant("control", control=True), Variant("b"), Variant("c")))

    decision = _decided(plan, _counts((20_000, 1000), (20_000, 1400), (20_000, 20_001)))

    assert (decision.verdict, decision.winner) == (Verdict.WINNER, "b")
    assert "c cannot be compared with control (c: more conversions than contacts" in decision.reasons[-1]


@pytest.mark.req("ABT-4")
@pytest.mark.parametrize(
    ("plan", "evidence", "why"),
    [
        (_two(), _counts((20_000, 2000), (19_000, 2500)), "sample-ratio mismatch"),
        (_two(), _counts((20_000, 2000), (0, 0)), "b is empty although other arms are not"),
        (_two(), _counts((20_000, 2000), (20_000, 2500), crossed=401), "seen in more than one arm"),
    ],
)
def test_figures_that_cannot_be_trusted_are_unhealthy(plan: Plan, evidence: Evidence, why: str) -> None:
    decision = _decided(plan, evidence)

    assert (decision.verdict, decision.winner) == (Verdict.UNHEALTHY, None)
    assert why in decision.reasons[0]


def test_one_percent_of_crossed_contacts_is_borne() -> None:
    assert _decided(_two(), _counts((20_000, 2000), (20_000, 2500), crossed=400)).winner == "b"


def test_an_empty_arm_is_unhealthy_at_once_and_the_reason_says_how_likely_that_is() -> None:
    early = _decided(_two(), _counts((1, 0), (0, 0)))
    late = _decided(_two(), _counts((10, 1), (0, 0)))

    assert (early.verdict, late.verdict) == (Verdict.UNHEALTHY, Verdict.UNHEALTHY)
    assert "in 50 % of tests: it may only be early" in early.reasons[0]
    assert "in 0.0977 % of tests: its contacts are lost on the way" in late.reasons[0]


@pytest.mark.parametrize(
    ("contacts", "unsubscribed", "healthy"),
    [(20_000, 400, True), (20_000, 401, False), (100, 3, True), (100, 30, False)],
)
def test_a_guardrail_holds_in_every_arm(contacts: int, unsubscribed: int, healthy: bool) -> None:
    plan = _two(guardrails=(Guardrail(GuardrailMetric.UNSUBSCRIBE, 0.02),))
    harmed = ArmEvidence("b", contacts=contacts, guarded={GuardrailMetric.UNSUBSCRIBE: unsubscribed})

    decision = _decided(plan, Evidence((ArmEvidence("control", contacts=contacts), harmed)))

    assert (decision.verdict is not Verdict.UNHEALTHY) == healthy
    assert healthy or "unsubscribe of b" in decision.reasons[0]


def test_sizes_are_held_against_the_shares_of_their_own_time() -> None:
    evidence = _counts((13_000, 1300), (7000, 700))
    phases = (AllocationPhase((0.5, 0.5), (5000, 5000)), AllocationPhase((0.8, 0.2), (8000, 2000)))

    assert _decided(_two(), evidence).verdict is Verdict.UNHEALTHY
    assert _decided(_two(), replace(evidence, phases=phases)).verdict is not Verdict.UNHEALTHY


@pytest.mark.req("ABT-4")
def test_a_bayesian_test_is_decided_by_chances() -> None:
    result = evaluate(_two(analysis=Approach.BAYESIAN), Status.RUNNING, _counts((5000, 350), (5000, 430)), STATISTICS)

    told = result.analysis.comparisons[0]
    assert result.decision.winner == "b"
    assert told.p_value is None
    assert told.chance_to_beat == pytest.approx(1 - 0.0014247076447309662)
    assert told.expected_loss == pytest.approx(2.175559839589752e-06)
    assert "chance to beat it 99.86 %" in result.decision.reasons[0]


def test_a_changed_plan_shows_in_the_result() -> None:
    change = Change(datetime(2026, 9, 17, tzinfo=UTC), "anna", ("confidence", "minimum_effect"))

    result = evaluate(_two(), Status.RUNNING, _counts((5000, 500), (5000, 700)), STATISTICS, (change,))

    assert result.changes == (change,)
    assert result.decision.winner == "b"
    assert result.decision.reasons[-1] == (
        "The plan was changed after the start, on 2026-09-17: confidence, minimum_effect."
    )


def test_without_facts_there_is_nothing_to_say() -> None:
    assert _decided(_two(), _counts((0, 0), (0, 0))).verdict is Verdict.NOT_YET
    assert _decided(_two(), _counts((0, 0), (0, 0)), Status.CANCELLED).verdict is Verdict.NO_WINNER


def test_a_cancelled_test_keeps_what_it_learnt() -> None:
    assert _decided(_two(), _counts((20_000, 2000), (20_000, 2500)), Status.CANCELLED).winner == "b"


@pytest.mark.req("ABT-4")
@pytest.mark.parametrize("analysis", list(Approach))
def test_the_same_figures_give_the_same_digits(analysis: Approach) -> None:
    def again() -> Result:
        return evaluate(replace(PLAN, analysis=analysis), Status.COMPLETED, Evidence(HILLSTROM), STATISTICS)

    assert repr(again()) == repr(again())


def test_summaries_from_elsewhere_have_a_verdict_too() -> None:
    arms = (Arm("a", Proportion(1200, 144)), Arm("b", Proportion(1200, 192)))
    request = AnalysisRequest(arms, "a", Method.Z_POOLED)

    analysis, decision = analyse_summaries(request, STATISTICS)
    mismatch = replace(request, phases=(RatioPhase((1200, 1200), (0.8, 0.2)),))

    assert analysis.comparisons[0].statistic == pytest.approx(2.8237248320100705)
    assert (decision.verdict, decision.winner) == (Verdict.WINNER, "b")
    assert analyse_summaries(mismatch, STATISTICS)[1].verdict is Verdict.UNHEALTHY
    assert analyse_summaries(replace(request, method=Method.SEQUENTIAL), STATISTICS)[1].verdict is Verdict.NOT_YET
