"""Thousands of tests with a known truth, looked at again and again, judged by the function that judges real
ones.

``SEED=n`` repeats a run. The verdict is asked wherever the plain z-statistic exceeds 1.9 and at random
looks besides: no always-valid interval is ever narrower than that, which the random looks confirm.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from adapters.statistics.scipy_significance import ScipySignificance
from application.evaluate_ab_test import evaluate
from domain.ab_test.decision import Decision, Status, Verdict
from domain.ab_test.evidence import ArmEvidence, Evidence
from domain.ab_test.plan import Approach, Metric, Plan, Variant
from domain.ab_test.sizing import PlanRequest

SEED = int(os.environ.get("SEED", "20260917"))
STATISTICS = ScipySignificance()
LOOKS = 20
NAMES = ("control", "b", "c", "d")
Counts = NDArray[np.int64]
Record = Callable[[str, object], None]


def _plan(arms: int, metric: Metric = Metric.CONVERSION, analysis: Approach = Approach.SEQUENTIAL) -> Plan:
    variants = tuple(Variant(name, control=name == "control") for name in NAMES[:arms])
    return Plan(metric, variants, analysis=analysis)


def _verdict(plan: Plan, n: int, converted: Counts) -> Decision:
    arms = tuple(
        ArmEvidence(name, contacts=n, converted=int(count)) for name, count in zip(plan.names, converted, strict=True)
    )
    return evaluate(plan, Status.RUNNING, Evidence(arms), STATISTICS).decision


def _z(converted: Counts, n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Unpooled z of the widest pair, for tests × looks × arms."""
    rates = converted / n[None, :, None]
    spread = rates * (1 - rates) / n[None, :, None]
    top, bottom = rates.argmax(axis=2), rates.argmin(axis=2)
    variance = _of(spread, top) + _of(spread, bottom)
    change = _of(rates, top) - _of(rates, bottom)
    return np.divide(change, np.sqrt(variance), out=np.zeros_like(change), where=variance > 0)


def _of(values: NDArray[np.float64], arm: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.take_along_axis(values, arm[:, :, None], axis=2)[:, :, 0]


def _false_winners(plan: Plan, tests: int, chance: np.random.Generator, rate: float, step: int) -> tuple[int, int]:
    """How many tests without any difference were given a winner at some look: by the plan, and by the plain
    z."""
    arms = len(plan.variants)
    n = step * np.arange(1, LOOKS + 1)
    converted = chance.binomial(step, rate, size=(tests, LOOKS, arms)).cumsum(axis=1)
    z = _z(converted, n)
    suspects = z > 1.9
    false = sum(
        any(
            _verdict(plan, int(n[look]), converted[test, look]).verdict is Verdict.WINNER
            for look in np.flatnonzero(suspects[test])
        )
        for test in range(tests)
    )
    for test, look in zip(chance.integers(tests, size=200), chance.integers(LOOKS, size=200), strict=True):
        if not suspects[test, look]:
            assert _verdict(plan, int(n[look]), converted[test, look]).verdict is not Verdict.WINNER
    return false, int((z > 1.959964).any(axis=1).sum())


@pytest.mark.req("ABT-3", "ABT-4")
def test_tests_without_a_difference_find_no_winner_however_often_they_are_looked_at(
    record_property: Record,
) -> None:
    tests, chance = 2000, np.random.default_rng(SEED)
    allowed = int(binom.ppf(0.999, tests, 0.05))

    sequential, fixed = _false_winners(_plan(2), tests, chance, rate=0.1, step=1000)

    record_property(
        "told",
        f"A/A: {tests} tests, {LOOKS} looks, 5 % allows {allowed}; false winners: sequential {sequential}, "
        f"fixed z looked at alike {fixed} (seed {SEED})",
    )
    assert sequential <= allowed
    assert fixed > allowed


@pytest.mark.req("ABT-4")
def test_four_arms_without_a_difference_find_no_winner_either(record_property: Record) -> None:
    tests, chance = 500, np.random.default_rng(SEED + 1)
    allowed = int(binom.ppf(0.999, tests, 0.05))

    sequential, fixed = _false_winners(_plan(4), tests, chance, rate=0.1, step=1000)

    record_property(
        "told",
        f"A/A of 4 arms: {tests} tests, {LOOKS} looks, 5 % allows {allowed}; false winners: sequential "
        f"{sequential}, widest pair by fixed z {fixed} (seed {SEED + 1})",
    )
    assert sequential <= allowed
    assert fixed > allowed


@pytest.mark.req("ABT-4")
def test_revenue_without_a_difference_finds_no_winner(record_property: Record) -> None:
    tests, step, chance = 500, 1000, np.random.default_rng(SEED + 2)
    plan = _plan(2, Metric.REVENUE)
    allowed = int(binom.ppf(0.999, tests, 0.05))
    false = 0
    for _ in range(tests):
        totals = np.zeros((2, 3), dtype=np.int64)
        for look in range(1, LOOKS + 1):
            for arm in range(2):
                orders = np.rint(chance.lognormal(8, 0.8, size=chance.binomial(step, 0.05))).astype(np.int64)
                totals[arm] += (orders.sum(), (orders * orders).sum(), len(orders))
            if _revenue_verdict(plan, look * step, totals) is Verdict.WINNER:
                false += 1
                break

    record_property(
        "told",
        f"A/A of revenue: {tests} tests, {LOOKS} looks, 5 % allows {allowed}; false winners {false} (seed {SEED + 2})",
    )
    assert false <= allowed


def _revenue_verdict(plan: Plan, n: int, totals: Counts) -> Verdict:
    mean, squares = totals[:, 0] / n, totals[:, 1] / n
    variance = (squares - mean * mean) / n
    if abs(mean[1] - mean[0]) < 1.9 * np.sqrt(variance.sum()):
        return Verdict.NOT_YET
    arms = tuple(
        ArmEvidence(
            name,
            contacts=n,
            converted=int(buyers),
            contact_revenue=int(total),
            contact_revenue_squares=int(square),
        )
        for name, (total, square, buyers) in zip(plan.names, totals, strict=True)
    )
    return evaluate(plan, Status.RUNNING, Evidence(arms), STATISTICS).decision.verdict


@pytest.mark.req("ABT-3", "ABT-4")
def test_a_true_fifth_more_is_found_and_never_for_the_wrong_arm(record_property: Record) -> None:
    tests, chance = 500, np.random.default_rng(SEED + 3)
    plan = _plan(2)
    planned = STATISTICS.plan(PlanRequest(baseline=0.1, minimum_effect=0.2, relative=True)).n_per_variant
    edges = np.linspace(0, 3 * planned, LOOKS + 1).round().astype(np.int64)
    steps: Counts = edges[1:] - edges[:-1]
    n = steps.cumsum()
    converted = np.stack(
        [chance.binomial(steps, rate, size=(tests, LOOKS)).cumsum(axis=1) for rate in (0.1, 0.12)], axis=2
    )
    z = _z(converted, n)
    winners: dict[str | None, int] = {}
    for test in range(tests):
        found = None
        for look in np.flatnonzero(z[test] > 1.9):
            found = _verdict(plan, int(n[look]), converted[test, look]).winner
            if found:
                break
        winners[found] = winners.get(found, 0) + 1

    record_property(
        "told",
        f"A/B +20 % on 10 %: {tests} tests to 3 x {planned:,} an arm, {LOOKS} looks: "
        f"{winners.get('b', 0) / tests:.1%} declared, {winners.get('control', 0)} for the wrong arm "
        f"(seed {SEED + 3})",
    )
    assert winners.get("b", 0) >= 0.8 * tests
    assert "control" not in winners
