"""Questions to the statistics as a client wrote them: ``analyse`` and ``plan`` of api.md §6."""

from __future__ import annotations

from typing import Any

from domain.ab_test.analysis import (
    Alternative,
    AnalysisRequest,
    Arm,
    BetaPrior,
    Difference,
    Method,
    NormalPrior,
    RateInterval,
    RatioPhase,
    Spending,
)
from domain.ab_test.plan import Approach, Correction
from domain.ab_test.samples import Covariate, Mean, Proportion, Ratio, Sample, Values
from domain.ab_test.sizing import NullVariance, PlanRequest
from domain.shared.errors import Invalid
from domain.shared.reading import Value, document

MOST_ARMS = 1000
MOST_VALUES = 200_000
LONGEST_NAME = 200
LARGEST_COUNT = 10**15

_ARM = ("name", "n", "conversions", "sum", "sum_squares", "values", "covariate_sum", "covariate_sum_squares",
    "denominator_sum", "denominator_sum_squares", "sum_products")  # fmt: skip
_ANALYSIS = ("variants", "control", "shares", "method", "difference", "alternative", "confidence", "correction",
    "prior", "tuning", "rate_interval", "information", "spending", "winsorise_at", "pairs")  # fmt: skip
_PLAN = ("baseline", "minimum_effect", "relative", "confidence", "power", "n_per_variant", "variants",
    "contacts_per_day", "alternative", "null_variance", "deviation", "correction", "analysis", "tuning")  # fmt: skip


def read_analysis(raw: Any) -> AnalysisRequest:
    """What ``POST /v1/ab-tests/analyse`` takes. The control is the first variant unless it is named. Invalid."""
    root = document(raw)
    root.fields(_ANALYSIS)
    arms = [_arm(value) for value in root.field("variants").required().items(MOST_ARMS)]
    control = root.field("control").text(LONGEST_NAME)
    asked: dict[str, Any] = {
        "method": root.field("method").choice(Method),
        "difference": root.field("difference").choice(Difference),
        "alternative": root.field("alternative").choice(Alternative),
        "confidence": root.field("confidence").number(0, 1),
        "correction": root.field("correction").choice(Correction),
        "prior": _prior(root.field("prior")),
        "tuning": root.field("tuning").number(1, LARGEST_COUNT),
        "rate_interval": root.field("rate_interval").choice(RateInterval),
        "information": tuple(
            value.required().number(0, 1) for value in root.field("information").items(1000)
        ),
        "spending": root.field("spending").choice(Spending),
        "winsorise_at": root.field("winsorise_at").number(0),
        "pairs": root.field("pairs").flag(),
    }
    shares = root.field("shares")
    weights = tuple(value.required().number(0) for value in shares.items(MOST_ARMS))
    found = [arm for arm in arms if arm is not None]
    if not shares.empty and len(weights) != len(arms):
        shares.fault("length", "There is one share for each variant.")
    if root.faults:
        raise Invalid(root.faults)
    if weights:
        observed = tuple(arm.sample.n for arm in found)
        asked["phases"] = (RatioPhase(observed, tuple(float(weight or 0) for weight in weights)),)
    first = found[0].name if found else ""
    given = {name: value for name, value in asked.items() if value is not None}
    return AnalysisRequest(arms=tuple(found), control=control or first, **given)


def read_plan_request(raw: Any) -> PlanRequest:
    """What ``POST /v1/ab-tests/plan`` takes. Invalid."""
    root = document(raw)
    root.fields(_PLAN)
    baseline, effect = (root.field(name).required().number() for name in ("baseline", "minimum_effect"))
    asked: dict[str, Any] = {
        "relative": root.field("relative").flag(),
        "confidence": root.field("confidence").number(0, 1),
        "power": root.field("power").number(0, 1),
        "n_per_variant": root.field("n_per_variant").integer(2, LARGEST_COUNT),
        "variants": root.field("variants").integer(2, MOST_ARMS),
        "contacts_per_day": root.field("contacts_per_day").number(0, LARGEST_COUNT),
        "alternative": root.field("alternative").choice(Alternative),
        "null_variance": root.field("null_variance").choice(NullVariance),
        "deviation": root.field("deviation").number(0),
        "correction": root.field("correction").choice(Correction),
        "analysis": root.field("analysis").choice(Approach),
        "tuning": root.field("tuning").number(1, LARGEST_COUNT),
    }
    if asked["power"] is not None and asked["n_per_variant"] is not None:
        root.field("power").fault("either", "Give power or n_per_variant, not both.")
    if root.faults or baseline is None or effect is None:
        raise Invalid(root.faults)
    given = {name: value for name, value in asked.items() if value is not None}
    return PlanRequest(baseline, effect, **given)


def _arm(value: Value) -> Arm | None:
    if not value.required().fields(_ARM):
        return None
    name = value.field("name").required().text(LONGEST_NAME, 1)
    sample = _sample(value)
    return None if name is None or sample is None else Arm(name, sample)


def _sample(value: Value) -> Sample | None:
    """Conversions, values, or sums (with those of a covariate or a denominator): whatever the client has."""
    values = value.field("values")
    if not values.empty:
        numbers = [item.required().number() for item in values.items(MOST_VALUES)]
        return Values(tuple(float(number) for number in numbers if number is not None))
    n = value.field("n").required().integer(0, LARGEST_COUNT)
    if not value.field("conversions").empty:
        if not value.field("sum").empty:
            value.field("sum").fault("either", "Give conversions or a sum, not both.")
        conversions = value.field("conversions").integer(0, LARGEST_COUNT)
        return None if n is None or conversions is None else Proportion(n, conversions)
    if value.field("sum").empty:
        value.fault("required", "Give n with conversions, or n with sum and sum_squares.")
        return None
    total, squares = (value.field(name).required().number() for name in ("sum", "sum_squares"))
    further = ("covariate_sum", "denominator_sum")
    given = [name for name in further if not value.field(name).empty]
    if n is None or total is None or squares is None:
        return None
    if not given:
        return Mean(n, total, squares)
    names = (given[0], f"{given[0]}_squares", "sum_products")
    one, two, products = (value.field(name).required().number() for name in names)
    if one is None or two is None or products is None:
        return None
    if given[0] == "covariate_sum":
        return Mean(n, total, squares, Covariate(one, two, products))
    return Ratio(n, total, squares, one, two, products)


def _prior(value: Value) -> BetaPrior | NormalPrior | None:
    if not value.fields(("alpha", "beta", "mean", "variance")):
        return None
    alpha, beta, mean, variance = (value.field(name).number() for name in ("alpha", "beta", "mean", "variance"))
    if mean is not None or variance is not None:
        return NormalPrior(mean or 0.0, variance)
    return BetaPrior(1.0 if alpha is None else alpha, 1.0 if beta is None else beta)
