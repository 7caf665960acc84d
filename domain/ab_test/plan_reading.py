"""A plan as a client wrote it: every fault at once, each with its pointer (api.md §6)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from domain.ab_test.plan import (
    Approach,
    Bandit,
    Correction,
    Guardrail,
    GuardrailMetric,
    Metric,
    MinimumSample,
    Plan,
    Variant,
)
from domain.ab_test.resource import plan_document
from domain.shared.errors import Fault, Invalid
from domain.shared.merge_patch import merged
from domain.shared.reading import Value, document

PLAN = ("metric", "variants", "analysis", "confidence", "minimum_effect", "correction", "minimum_sample",
    "guardrails", "holdout", "auto_apply", "power", "baseline", "tuning", "winsorise_at", "bandit")  # fmt: skip
LONGEST_NAME = 200
LONGEST_LABEL = 64
MOST_VARIANTS = 100
MOST = 10**12
LARGEST_WHOLE = 2**63 - 1


@dataclass(frozen=True)
class NewTest:
    """What a create asks for; ``id`` and ``salt`` are None where the client leaves them to us."""

    id: UUID | None
    name: str
    plan: Plan
    salt: str | None


def read_new(raw: Any, *, seed: int) -> NewTest:
    """A new test; ``seed`` is a bandit's where it names none. Invalid."""
    root = document(raw)
    root.fields((*PLAN, "id", "name", "salt"))
    id, salt = root.field("id").uuid(), root.field("salt").text(LONGEST_NAME, 1)
    name = root.field("name").required().text(LONGEST_NAME, 1)
    return NewTest(id, name or "", _plan(root, seed), salt)


def patched(plan: Plan, patch: Any, *, seed: int) -> Plan:
    """``plan`` after a merge patch (RFC 7396). Invalid."""
    document(patch)
    root = document(merged(plan_document(plan), patch))
    root.fields(PLAN)
    return _plan(root, seed)


def _plan(root: Value, seed: int) -> Plan:
    """The plan under ``root``; raises Invalid with the faults of the whole document."""
    metric = root.field("metric").required().choice(Metric)
    variants = [_variant(value) for value in root.field("variants").required().items(MOST_VARIANTS)]
    settings: dict[str, Any] = {
        "analysis": root.field("analysis").choice(Approach),
        "confidence": _fraction(root.field("confidence"), 1),
        "minimum_effect": _fraction(root.field("minimum_effect"), 100),
        "correction": root.field("correction").choice(Correction),
        "minimum_sample": _minimum(root.field("minimum_sample")),
        "guardrails": tuple(_guardrail(value) for value in root.field("guardrails").items(20)),
        "holdout": _fraction(root.field("holdout"), 1),
        "auto_apply": root.field("auto_apply").flag(),
        "power": _fraction(root.field("power"), 1),
        "baseline": _fraction(root.field("baseline"), MOST),
        "tuning": root.field("tuning").integer(1, MOST),
        "winsorise_at": root.field("winsorise_at").integer(1, MOST),
        "bandit": _bandit(root.field("bandit"), seed),
    }
    if root.faults or metric is None:
        raise Invalid(root.faults)
    plan = Plan(metric, tuple(variant for variant in variants if variant is not None))
    return replace(plan, **{name: value for name, value in settings.items() if value is not None}).checked()


def _fraction(value: Value, most: float) -> float | None:
    """A number as every later answer writes it, whole or not."""
    found = value.number(0, most)
    return None if found is None else float(found)


def _variant(value: Value) -> Variant | None:
    if not value.required().fields(("name", "control", "share", "content")):
        return None
    name = value.field("name").required().text(LONGEST_LABEL, 1)
    share = _fraction(value.field("share"), 10**9)
    content = value.field("content")
    if not content.empty and not isinstance(content.raw, dict):
        content.fault("object", "Must be an object.")
    elif fault := _unstorable(content.raw, content.pointer):
        value.faults.append(fault)
    control = value.field("control").flag() or False
    return Variant(name or "", 1.0 if share is None else share, control, content.raw or {})


def _unstorable(raw: Any, pointer: str) -> Fault | None:
    """What JSON allows and we cannot keep: lone surrogates, and numbers beyond 64 bits."""
    match raw:
        case dict():
            found = (_unstorable(part, pointer) for pair in raw.items() for part in pair)
            return next((fault for fault in found if fault), None)
        case list():
            return next((fault for part in raw if (fault := _unstorable(part, pointer))), None)
        case str() if any("\ud800" <= letter <= "\udfff" for letter in raw):
            return Fault(pointer, "surrogate", "Must not contain lone surrogates.")
        case int() if not -LARGEST_WHOLE <= raw <= LARGEST_WHOLE:
            return Fault(pointer, "range", "Whole numbers have at most 64 bits.")
        case float() if not math.isfinite(raw):
            return Fault(pointer, "range", "Numbers are finite.")
    return None


def _minimum(value: Value) -> MinimumSample | None:
    if not value.fields(("impressions", "clicks", "conversions")):
        return None
    usual = MinimumSample()
    found = [value.field(name).integer(0, MOST) for name in ("impressions", "clicks", "conversions")]
    numbers = (usual.impressions, usual.clicks, usual.conversions)
    return MinimumSample(*(own if own is not None else other for own, other in zip(found, numbers, strict=True)))


def _guardrail(value: Value) -> Guardrail | None:
    if not value.required().fields(("metric", "at_most")):
        return None
    metric = value.field("metric").required().choice(GuardrailMetric)
    at_most = _fraction(value.field("at_most").required(), 1)
    return None if metric is None or at_most is None else Guardrail(metric, at_most)


def _bandit(value: Value, seed: int) -> Bandit | None:
    if not value.fields(("seed", "floor")):
        return None
    found, floor = value.field("seed").integer(0, LARGEST_WHOLE), _fraction(value.field("floor"), 1)
    return Bandit(seed if found is None else found, 0.05 if floor is None else floor)
