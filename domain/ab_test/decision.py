"""What the figures allow one to say. The same figures always say the same, and never by the largest rate
alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.ab_test.analysis import Analysis, Comparison, Method
from domain.ab_test.evidence import Evidence
from domain.ab_test.plan import Approach, Change, Metric, Plan
from domain.ab_test.sizing import PlanAnswer
from domain.ab_test.words import at_most, percent, said, share_of

CROSSED_LIMIT = 0.01
EARLY_ALARM = 0.001
LUCK = 0.001
PAST_ITS_SIZE = "It has reached its planned size: complete it, every further look at a fixed test adds error."


class Verdict(StrEnum):
    """``tie``: what difference there is, is too small to matter, or the leaders cannot be told apart."""

    NOT_YET = "not_yet"
    WINNER = "winner"
    TIE = "tie"
    NO_WINNER = "no_winner"
    UNHEALTHY = "unhealthy"


class Status(StrEnum):
    """Where a test stands."""

    DRAFT = "draft"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Remaining:
    """How many contacts the plan still asks for, and how many days that is at the present traffic."""

    contacts: int | None = None
    days: int | None = None


@dataclass(frozen=True)
class Decision:
    """The verdict with its reasons in words; ``winner`` is an arm's name, or None."""

    verdict: Verdict
    reasons: tuple[str, ...]
    winner: str | None = None
    remaining: Remaining = Remaining()


def decide(plan: Plan, status: Status, evidence: Evidence, analysis: Analysis, planned: PlanAnswer | None) -> Decision:
    """Judge a test: first whether its figures can be trusted, then whether there are enough, then what they
    say.

    ``planned`` is the size that the plan asks for, None where it cannot be reckoned yet. A ``fixed`` test
    says nothing before that size or its end; a ``sequential`` one may at any look.
    """
    ended = status in (Status.COMPLETED, Status.CANCELLED)
    if not any(evidence.size(arm) for arm in evidence.arms):
        why = "No facts have come so far."
        return Decision(Verdict.NO_WINNER if ended else Verdict.NOT_YET, (why,))
    if ills := (*_ills_of_ratio(analysis), *_ills_of_arms(plan, evidence)):
        return Decision(Verdict.UNHEALTHY, ills)
    reached = planned is not None and all(evidence.size(arm) >= planned.n_per_variant for arm in evidence.arms)
    lacking = tuple(_lacking(plan, evidence))
    waiting = plan.analysis is Approach.FIXED and not reached and not ended
    if lacking or waiting:
        reasons = (*lacking, _before_its_size(planned)) if waiting else lacking
        if ended:
            return Decision(Verdict.NO_WINNER, (*reasons, "It ended before that."))
        return Decision(Verdict.NOT_YET, reasons, remaining=_remaining(plan, evidence, planned))
    found = concluded(analysis, final=ended or reached, minimum_effect=plan.minimum_effect)
    if found.verdict is Verdict.NOT_YET:
        return replace(found, remaining=_remaining(plan, evidence, planned))
    if plan.analysis is Approach.FIXED and not ended:
        return replace(found, reasons=(*found.reasons, PAST_ITS_SIZE))
    return found


def with_changes(decision: Decision, changes: tuple[Change, ...]) -> Decision:
    """The decision, with a reason for each change of the plan after the start."""
    told = tuple(
        f"The plan was changed after the start, on {change.at:%Y-%m-%d}: {', '.join(change.fields)}."
        for change in changes
    )
    return replace(decision, reasons=(*decision.reasons, *told)) if told else decision


def decide_summaries(analysis: Analysis) -> Decision:
    """The verdict on summaries that somebody brought, without a plan: sequential ones may still grow,
    others are taken as final."""
    if ills := tuple(_ills_of_ratio(analysis)):
        return Decision(Verdict.UNHEALTHY, ills)
    final = analysis.method not in (Method.SEQUENTIAL, Method.GROUP_SEQUENTIAL)
    return concluded(analysis, final=final, minimum_effect=None)


def concluded(analysis: Analysis, *, final: bool, minimum_effect: float | None) -> Decision:
    """What the comparisons say. An arm wins that beats the control and every other arm beyond chance; the
    control wins where every arm is worse beyond chance."""
    better = [comparison for comparison in analysis.comparisons if comparison.better]
    if better:
        return _among_the_better(analysis, better, final=final)
    if all(comparison.worse for comparison in analysis.comparisons):
        control = analysis.comparisons[0].control
        reasons = tuple(said(comparison) for comparison in analysis.comparisons)
        return Decision(Verdict.WINNER, (f"{control}, the control, beats every other arm.", *reasons), control)
    told = tuple(said(comparison) for comparison in analysis.comparisons)
    if minimum_effect is not None and _too_small(analysis, minimum_effect):
        why = f"Whatever difference there is, it is below the minimum effect of {percent(minimum_effect)}."
        return Decision(Verdict.TIE, (why, *told))
    if final:
        return Decision(Verdict.NO_WINNER, ("No arm differs from the control beyond chance.", *told))
    return Decision(Verdict.NOT_YET, ("No arm differs from the control beyond chance so far.", *told))


def _among_the_better(analysis: Analysis, better: list[Comparison], *, final: bool) -> Decision:
    leader = analysis.rivals[0].variant if analysis.rivals else better[0].variant
    beats = next(comparison for comparison in better if comparison.variant == leader)
    behind = [rival for rival in analysis.rivals if not rival.better]
    without_answer = (comparison for comparison in analysis.comparisons if comparison.difference is None)
    reasons = tuple(said(comparison) for comparison in (beats, *analysis.rivals, *without_answer))
    if not behind:
        return Decision(Verdict.WINNER, reasons, leader)
    names = " and ".join([leader, *(rival.control for rival in behind)])
    why = f"{leader} beats the control, but {names} cannot be told apart beyond chance."
    return Decision(Verdict.TIE if final else Verdict.NOT_YET, (why, *reasons))


def _ills_of_ratio(analysis: Analysis) -> Iterator[str]:
    ratio = analysis.sample_ratio
    if ratio is None:
        return
    for arm in ratio.empty:
        why = "its contacts are lost on the way" if arm.chance < LUCK else "it may only be early"
        yield (
            f"{arm.name} is empty although other arms are not; luck alone leaves it so "
            f"in {percent(arm.chance)} of tests: {why}."
        )
    if not ratio.ok and not ratio.empty:
        yield (
            f"The arms' sizes do not fit their shares (sample-ratio mismatch, {at_most(ratio.p_value)}): "
            "something loses or adds contacts, and the figures cannot be trusted."
        )


def _ills_of_arms(plan: Plan, evidence: Evidence) -> Iterator[str]:
    total = sum(evidence.size(arm) for arm in evidence.arms)
    if evidence.crossed > CROSSED_LIMIT * total:
        yield (
            f"{evidence.crossed:,} contacts were seen in more than one arm, "
            f"{share_of(evidence.crossed, total)} of all; at most {percent(CROSSED_LIMIT)} are borne."
        )
    for guardrail in plan.guardrails:
        for arm in evidence.arms:
            size, count = evidence.size(arm), arm.guarded.get(guardrail.metric, 0)
            if _beyond(count, size, guardrail.at_most, plan.minimum_sample.impressions):
                yield (
                    f"Guardrail: {guardrail.metric} of {arm.variant} is {share_of(count, size)} "
                    f"({count:,} of {size:,}), above {percent(guardrail.at_most)}."
                )


def _beyond(count: int, size: int, limit: float, enough: int) -> bool:
    """Above the limit with enough contacts; before that only where Hoeffding's bound leaves no doubt (one
    in a thousand)."""
    if size == 0 or count <= limit * size:
        return False
    return size >= enough or count / size - limit > math.sqrt(-math.log(EARLY_ALARM) / (2 * size))


def _lacking(plan: Plan, evidence: Evidence) -> Iterator[str]:
    """What each arm still lacks of the minimum sample; which counts matter depends on the metric."""
    minimum = plan.minimum_sample
    unit = evidence.denominator.value
    for arm in evidence.arms:
        size = evidence.size(arm)
        if size < minimum.impressions:
            yield f"{arm.variant} has {size:,} {unit} of at least {minimum.impressions:,}."
        clicks = plan.metric in (Metric.CLICK, Metric.ENGAGEMENT)
        count, enough = evidence.count(plan.metric, arm), minimum.clicks if clicks else minimum.conversions
        word = f"{plan.metric}s" if clicks else "conversions"
        if count < enough:
            yield f"{arm.variant} has {count:,} {word} of at least {enough:,}."


def _before_its_size(planned: PlanAnswer | None) -> str:
    if planned is None:
        return "A fixed test says nothing before its planned size, which cannot be reckoned yet."
    size = f"{planned.n_per_variant:,}"
    return f"A fixed test says nothing before its planned size of {size} in each arm, or its end."


def _remaining(plan: Plan, evidence: Evidence, planned: PlanAnswer | None) -> Remaining:
    """Contacts that the smallest arm lacks, at the arms' shares; days at the present traffic."""
    if planned is None:
        return Remaining()
    wanted = max(planned.n_per_variant, plan.minimum_sample.impressions)
    contacts = max(
        math.ceil(max(wanted - evidence.size(arm), 0) / share)
        for arm, share in zip(evidence.arms, plan.shares, strict=True)
    )
    days = math.ceil(contacts / evidence.per_day) if evidence.per_day else None
    return Remaining(contacts, days)


def _too_small(analysis: Analysis, minimum_effect: float) -> bool:
    """The whole interval of every absolute difference lies within the minimum effect of the control."""
    base = {arm.name: arm.rate if arm.rate is not None else arm.mean for arm in analysis.arms}
    for comparison in analysis.comparisons:
        control = base[comparison.control]
        low, high = comparison.interval or (None, None)
        if control is None or low is None or high is None:
            return False
        if not -minimum_effect * control < low <= high < minimum_effect * control:
            return False
    return True
