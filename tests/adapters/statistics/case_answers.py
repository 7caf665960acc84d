"""What the product answers to a reference case, under the case's own names. Through the port wherever the
port has a question for it; a formula of which the port uses only a part is asked itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from adapters.statistics.bayesian_rates import BetaPosterior, chances
from adapters.statistics.correction import adjusted, is_significant
from adapters.statistics.cuped import adjusted_moments, slope
from adapters.statistics.group_sequential import spent_so_far, z_bounds
from adapters.statistics.normal_mixture import best_rho, bound, log_mixture
from adapters.statistics.scipy_significance import ScipySignificance
from domain.ab_test.allocation import AllocationRequest
from domain.ab_test.analysis import (
    Alternative,
    Analysis,
    AnalysisRequest,
    Arm,
    BetaPrior,
    Comparison,
    Difference,
    Method,
    NormalPrior,
    RateInterval,
    RatioPhase,
    Spending,
)
from domain.ab_test.plan import Correction
from domain.ab_test.samples import Covariate, Mean, Proportion, Ratio, Sample, Values
from domain.ab_test.sizing import NullVariance, PlanRequest
from tests.adapters.statistics.case_files import Case, hillstrom

STATISTICS = ScipySignificance()
Answer = dict[str, Any]


def answer(case: Case) -> Answer:
    """The product's figures for the case's inputs."""
    for prefix, answers in _ANSWERS.items():
        if case["id"].startswith(prefix):
            return answers(case)
    raise LookupError(f"no answer for {case['id']}")


def _analysed(arms: list[Sample], method: Method, **more: Any) -> Analysis:
    names = "abcdefghij"
    named = tuple(Arm(name, sample) for name, sample in zip(names, arms, strict=False))
    return STATISTICS.analyse(AnalysisRequest(arms=named, control="a", method=method, **more))


def _compared(control: Sample, variant: Sample, method: Method, **more: Any) -> Comparison:
    return _analysed([control, variant], method, **more).comparisons[0]


def _counts(inputs: Answer) -> list[Sample]:
    return [Proportion(n, count) for count, n in zip(inputs["count"], inputs["nobs"], strict=True)]


def _many_arms(case: Case) -> Answer:
    overall = _analysed(_counts(case["inputs"]), Method.Z_POOLED).overall
    assert overall
    return {"chi2": overall.statistic, "df": overall.degrees_of_freedom, "p_value": overall.p_value}


def _pairwise(case: Case) -> Answer:
    told = _analysed(_counts(case["inputs"]), Method.Z_POOLED, pairs=True).comparisons
    assert [["abcd".index(one.control), "abcd".index(one.variant)] for one in told] == case["inputs"]["pairs"]
    return {"raw": [one.p_value for one in told], "holm": [one.p_adjusted for one in told]}


def _first_minus_second(case: Case) -> Answer:
    first, second = _counts(case["inputs"])
    sides = {"smaller": Alternative.LESS, "larger": Alternative.GREATER}
    side = sides.get(case["inputs"].get("alternative", ""), Alternative.TWO_SIDED)
    told = _compared(second, first, Method.Z_POOLED, alternative=side)
    assert told.statistic is not None
    return {"chi2": told.statistic**2, "p_value": told.p_value, "ci_diff": told.interval}


def _two_rates(case: Case) -> Answer:
    a, b = (
        Proportion(arm.get("visitors", arm.get("sent")), arm["conversions"])
        for arm in (case["inputs"]["a"], case["inputs"]["b"])
    )
    analysis = _analysed([a, b], Method.Z_POOLED)
    told = analysis.comparisons[0]
    return {
        "rate_a": analysis.arms[0].rate,
        "rate_b": analysis.arms[1].rate,
        "z": told.statistic,
        "p_value": told.p_value,
        "ci_diff": told.interval,
        "relative_lift": told.relative,
        "diff": told.difference,
    }


def _pooled_or_not(case: Case) -> Answer:
    (x_a, n_a), (x_b, n_b) = case["inputs"]["control"], case["inputs"]["test"]
    arms = Proportion(n_a, x_a), Proportion(n_b, x_b)
    return {
        "p_unpooled": _compared(*arms, Method.Z_UNPOOLED).p_value,
        "p_pooled": _compared(*arms, Method.Z_POOLED).p_value,
    }


def _one_rate(case: Case) -> Answer:
    inputs = case["inputs"]
    arm = Proportion(inputs["nobs"], inputs["count"])
    kinds = {
        "agresti-coull": RateInterval.AGRESTI_COULL,
        "asymptotic": RateInterval.WALD,
        "exact": RateInterval.EXACT,
        "wilson": RateInterval.WILSON,
    }
    return {
        name: _analysed([arm, arm], Method.Z_POOLED, rate_interval=kind).arms[0].interval
        for name, kind in kinds.items()
    }


def _wald_difference(case: Case) -> Answer:
    inputs = case["inputs"]
    first = Proportion(inputs["nobs1"], inputs["count1"])
    second = Proportion(inputs["nobs2"], inputs["count2"])
    return {"ci": _compared(second, first, Method.Z_POOLED).interval}


def _sample(side: Answer, metric: str) -> Sample:
    if metric == "proportion":
        return Proportion(side["n"], side["sum"])
    return Mean(side["n"], side["sum"], side["sum_squares"])


def _sleep(case: Case) -> Answer:
    x, y = (Values(tuple(case["inputs"][name])) for name in "xy")
    told = _compared(y, x, Method.WELCH)
    return {
        "t": told.statistic,
        "df": told.degrees_of_freedom,
        "p_value": told.p_value,
        "ci": told.interval,
    }


def _welch(case: Case) -> Answer:
    inputs = case["inputs"]
    side = Alternative.GREATER if inputs.get("alternative") == "greater" else Alternative.TWO_SIDED
    metric = inputs.get("metric", "proportion")
    told = _compared(
        _sample(inputs["control"], metric),
        _sample(inputs["treatment"], metric),
        Method.WELCH,
        alternative=side,
        difference=Difference(inputs["difference"]),
    )
    return _asked(told, inputs)


def _asked(told: Comparison, inputs: Answer) -> Answer:
    relative = inputs["difference"] == "relative"
    return {
        "expected": told.relative if relative else told.difference,
        "stddev": told.standard_error,
        "ci": told.interval,
        "p_value": told.p_value,
    }


def _zero_baseline(case: Case) -> Answer:
    """Neutral: nothing relative is claimed, and the note says why."""
    told = _welch(case)
    inputs = case["inputs"]
    note = _compared(
        _sample(inputs["control"], "proportion"),
        _sample(inputs["treatment"], "proportion"),
        Method.WELCH,
        difference=Difference.RELATIVE,
    ).note
    message = "ZERO_NEGATIVE_VARIANCE" if note and "no relative difference" in note else None
    return {"p_value": told["p_value"], "expected": told["expected"] or 0.0, "error_message": message}


def _ratio(case: Case) -> Answer:
    def arm(side: Answer) -> Ratio:
        above, below = side["numerator"], side["denominator"]
        return Ratio(
            n=len(above),
            sum=sum(above),
            sum_squares=sum(m * m for m in above),
            denominator_sum=sum(below),
            denominator_sum_squares=sum(d * d for d in below),
            sum_products=sum(m * d for m, d in zip(above, below, strict=True)),
        )

    inputs = case["inputs"]
    return _asked(_compared(arm(inputs["control"]), arm(inputs["treatment"]), Method.WELCH), inputs)


def _cuped(case: Case) -> Answer:
    def arm(side: Answer) -> Mean:
        (total, squares), before = side["post_sum_sumsq"], side["pre_sum_sumsq"]
        return Mean(side["n"], total, squares, Covariate(before[0], before[1], side["post_pre_sumproducts"]))

    inputs = case["inputs"]
    control, variant = arm(inputs["control"]), arm(inputs["treatment"])
    told = _compared(control, variant, Method.WELCH, difference=Difference(inputs["difference"]))
    theta = slope(control, variant)
    return {
        **_asked(told, inputs),
        "theta": theta,
        "stddev_adjusted": [math.sqrt(adjusted_moments(one, theta).variance) for one in (control, variant)],
    }


def _hillstrom(case: Case) -> Answer:
    inputs = case["inputs"]
    unit = 100 if inputs["metric"] == "spend" else 1
    control, variant = (Mean(*hillstrom(inputs[side], inputs["metric"])) for side in ("control", "treatment"))
    analysis = _analysed([control, variant], Method.WELCH)
    told = analysis.comparisons[0]
    assert told.interval
    assert told.difference is not None
    means = [(arm.mean or 0.0) / unit for arm in analysis.arms]
    return {
        "mean_control": means[0],
        "mean_treatment": means[1],
        "diff": told.difference / unit,
        "t": told.statistic,
        "df": told.degrees_of_freedom,
        "p_value": told.p_value,
        "ci": [(bound or 0.0) / unit for bound in told.interval],
    }


def _power_of_rates(case: Case) -> Answer:
    inputs = case["inputs"]
    told = STATISTICS.plan(
        PlanRequest(
            baseline=inputs["p1"],
            minimum_effect=inputs["p2"] - inputs["p1"],
            confidence=1 - inputs["sig_level"],
            power=inputs.get("power"),
            n_per_variant=inputs.get("n"),
            alternative=Alternative.TWO_SIDED if inputs["alternative"] == "two.sided" else Alternative.GREATER,
        )
    )
    return {"n_per_arm_raw": told.exact, "n_per_arm": told.n_per_variant, "power": told.power}


def _evan_miller(case: Case) -> Answer:
    inputs = case["inputs"]
    told = STATISTICS.plan(
        PlanRequest(
            baseline=inputs["baseline"],
            minimum_effect=inputs["mde_abs"],
            confidence=1 - inputs["alpha"],
            power=inputs["power"],
            null_variance=NullVariance.BASELINE,
        )
    )
    return {"n_per_arm": told.n_per_variant, "n_raw": told.exact}


def _power_of_means(case: Case) -> Answer:
    inputs = case["inputs"]
    told = STATISTICS.plan(
        PlanRequest(
            baseline=0.0,
            minimum_effect=inputs["delta"],
            deviation=inputs["sd"],
            confidence=1 - inputs["alpha"],
            power=inputs["power"],
            alternative=Alternative.TWO_SIDED if inputs["alternative"] == "two-sided" else Alternative.GREATER,
        )
    )
    return {"n_per_arm_raw": told.exact}


def _adjusted(case: Case) -> Answer:
    inputs = case["inputs"]
    names = {
        "BH": Correction.BENJAMINI_HOCHBERG,
        "holm": Correction.HOLM,
        "bonferroni": Correction.BONFERRONI,
    }
    after = adjusted(inputs["p"], names[inputs["method"]])
    return {"adjusted": after, "n_rejected": sum(is_significant(p, inputs["alpha"]) for p in after)}


def _sizes(case: Case) -> Answer:
    inputs = case["inputs"]
    shares = inputs.get("expected_percent") or inputs.get("expected_ratio") or inputs["weights"]
    observed = tuple(inputs["observed"])
    phases = (RatioPhase(observed, tuple(shares)),)
    ratio = _analysed([Proportion(n, 0) for n in observed], Method.Z_POOLED, phases=phases).sample_ratio
    assert ratio
    exact = ratio.p_value
    return {
        "p_value_rounded_expected": exact,
        "p_value_exact_expected": exact,
        "p_value": exact,
        "chi2": ratio.statistic,
    }


def _sequential(case: Case) -> Answer:
    inputs = case["inputs"]
    told = _compared(
        _sample(inputs["control"], inputs["metric"]),
        _sample(inputs["treatment"], inputs["metric"]),
        Method.SEQUENTIAL,
        difference=Difference(inputs["difference"]),
        tuning=inputs["tuning_parameter_N"],
    )
    return _asked(told, inputs)


def _mixture(case: Case) -> Answer:
    inputs = case["inputs"]
    rho = best_rho(inputs["v_opt"], inputs.get("alpha_opt", inputs["alpha"]))
    if isinstance(inputs["v"], list):
        return {"bound": [bound(time, inputs["alpha"], rho) for time in inputs["v"]]}
    return {
        "best_rho": rho,
        "log_mixture": log_mixture(inputs["s"], inputs["v"], rho),
        "bound": bound(inputs["v"], inputs["alpha"], rho),
    }


def _always_valid_rate(case: Case) -> Answer:
    inputs = case["inputs"]
    arm = Proportion(inputs["trials"], inputs["successes"])
    analysis = _analysed([arm, arm], Method.SEQUENTIAL, tuning=inputs["t_opt"], rate_interval=RateInterval.ALWAYS_VALID)
    return {"ci": analysis.arms[0].interval}


def _planned_looks(case: Case) -> Answer:
    inputs = case["inputs"]
    looks = tuple(inputs["information"])
    spending = Spending.OBRIEN_FLEMING if inputs["spending"] == "lan-demets-obf" else Spending.POWER
    return {
        "bounds": z_bounds(looks, inputs["alpha"], inputs["sides"], spending),
        "cumulative_alpha": spent_so_far(looks, inputs["alpha"], inputs["sides"], spending),
    }


def _bayes(case: Case) -> Answer:
    inputs = case["inputs"]
    prior = inputs["prior"]
    told = _compared(
        _sample(inputs["control"], inputs["metric"]),
        _sample(inputs["treatment"], inputs["metric"]),
        Method.BAYESIAN,
        difference=Difference(inputs["difference"]),
        prior=NormalPrior() if isinstance(prior, str) else NormalPrior(prior["mean"], prior["variance"]),
    )
    return {
        "expected": told.posterior_mean,
        "stddev": told.standard_error,
        "ci": told.interval,
        "chance_to_win": told.chance_to_beat,
        "risk": [told.expected_loss_control, told.expected_loss],
    }


def _beta_binomial(case: Case) -> Answer:
    a, b = case["inputs"]["a"], case["inputs"]["b"]
    alpha, beta = case["inputs"]["prior"]
    arms = [Proportion(arm["trials"], arm["successes"]) for arm in (a, b)]
    told = _compared(arms[0], arms[1], Method.BAYESIAN, prior=BetaPrior(alpha, beta))
    means = [BetaPosterior(alpha + arm.conversions, beta + arm.n - arm.conversions).mean for arm in arms]
    assert told.posterior_mean == means[1] - means[0]
    return {
        "p_b_beats_a": told.chance_to_beat,
        "expected_loss_choose_b": told.expected_loss,
        "expected_loss_choose_a": told.expected_loss_control,
        "posterior_mean_a": means[0],
        "posterior_mean_b": means[1],
    }


def _beta_exact(case: Case) -> Answer:
    inputs = case["inputs"]
    a = BetaPosterior(inputs["alpha_a"], inputs["beta_a"])
    b = BetaPosterior(inputs["alpha_b"], inputs["beta_b"])
    return {"p_b_beats_a": chances(a, b).beat, "fraction": case["expected"]["fraction"]}


def _best(case: Case) -> Answer:
    arms = tuple(
        Arm(str(index), Proportion(int(alpha + beta) - 2, int(alpha) - 1))
        for index, (alpha, beta) in enumerate(case["inputs"]["arms_alpha_beta"])
    )
    return {"p_best": STATISTICS.allocate(AllocationRequest(arms, seed=6)).chances}


_ANSWERS: dict[str, Callable[[Case], Answer]] = {
    "prop-smokers2": _many_arms,
    "prop-pairwise": _pairwise,
    "prop-2samp": _first_minus_second,
    "prop-udacity-one-sided": _first_minus_second,
    "prop-spotify": _pooled_or_not,
    "prop-": _two_rates,
    "ci-prop": _one_rate,
    "ci-diff": _wald_difference,
    "ttest-sleep": _sleep,
    "gb-ttest": _welch,
    "gb-prop": _welch,
    "gb-zero": _zero_baseline,
    "gb-ratio": _ratio,
    "gb-cuped": _cuped,
    "hillstrom": _hillstrom,
    "power-prop": _power_of_rates,
    "power-evanmiller": _evan_miller,
    "power-t": _power_of_means,
    "padj": _adjusted,
    "srm": _sizes,
    "gb-seq": _sequential,
    "confseq-normal": _mixture,
    "confseq-bernoulli": _always_valid_rate,
    "gsd": _planned_looks,
    "gb-bayes": _bayes,
    "betabinom-exact": _beta_exact,
    "betabinom": _beta_binomial,
    "pbest": _best,
}
