"""The aggregate: what it allows, what then happened, and how it stands after its events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from adapters.event_store.codec import Codec
from domain.ab_test import events
from domain.ab_test.ab_test import ABTest
from domain.ab_test.allocation import Allocation
from domain.ab_test.analysis import Comparison
from domain.ab_test.decision import Decision, Status, Verdict
from domain.ab_test.errors import (
    NoBandit,
    NotAutomatic,
    NotStarted,
    NoWinnerYet,
    VariantsFixed,
    WinnerAlreadyApplied,
    WinnerAlreadyDeclared,
)
from domain.ab_test.evidence import ArmEvidence, Evidence
from domain.ab_test.look import Look
from domain.ab_test.plan import Bandit, Guardrail, GuardrailMetric, Metric, Plan, Variant
from domain.ab_test.state import ABTestState
from domain.shared.errors import Invalid, MoveNotAllowed

ID = UUID("0198f3a2-7c1e-7b44-9d53-2f1c8a6e0b11")
CAMPAIGN = UUID("0198f3a2-0000-7b44-9d53-2f1c8a6e0b11")
NOW = datetime(2026, 9, 17, 12, tzinfo=UTC)
WHO: dict[str, Any] = {"by": "anna", "at": NOW}
PLAN = Plan(
    Metric.CONVERSION,
    (
        Variant("control", control=True),
        Variant("b", content={"subject": "Now"}),
    ),
    guardrails=(Guardrail(GuardrailMetric.UNSUBSCRIBE, 0.02),),
)
CONTACTS = [f"fan-{n:05}" for n in range(2000)]


def _created(**changes: Any) -> ABTest:
    return ABTest.create(ID, CAMPAIGN, "Subject line", replace(PLAN, **changes), **WHO)


def _running(**changes: Any) -> ABTest:
    test = _created(**changes)
    test.start(**WHO)
    return test


def _look(winner: str | None = "b") -> Look:
    verdict = Verdict.WINNER if winner else Verdict.NOT_YET
    evidence = Evidence(
        (
            ArmEvidence("control", contacts=5000, converted=500),
            ArmEvidence("b", contacts=5010, converted=640, guarded={GuardrailMetric.UNSUBSCRIBE: 3}),
        ),
        position=None,
    )
    told = Comparison("b", "control", 0.0277, 0.277, (0.01, 0.05), p_value=1e-5, p_adjusted=1e-5)
    return Look(evidence, (told,), Decision(verdict, ("in words",), winner))


def _happened(test: ABTest) -> list[type]:
    return [type(event) for event in test.pending_events]


@pytest.mark.req("ABT-1")
def test_a_test_is_created_as_a_draft() -> None:
    test = _created()

    state = test.state()
    assert _happened(test) == [events.ABTestCreated]
    assert (state.status, state.salt, state.plan) == (Status.DRAFT, str(ID), PLAN)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"variants": PLAN.variants[:1]}, "/variants"),
        ({"variants": (Variant("a"), Variant("b"))}, "/variants"),
        ({"variants": (Variant("a", control=True), Variant("a"))}, "/variants/1/name"),
        ({"variants": (Variant("a", control=True), Variant("b", share=0))}, "/variants/1/share"),
        ({"variants": (Variant("a", control=True), Variant("b", share=float("nan")))}, "/variants/1/share"),
        ({"variants": (Variant("a", control=True), Variant(""))}, "/variants/1/name"),
        ({"confidence": 1.5}, "/confidence"),
        ({"minimum_effect": 0.0}, "/minimum_effect"),
        ({"holdout": 1.0}, "/holdout"),
        ({"baseline": 2.0}, "/baseline"),
        ({"winsorise_at": 100}, "/winsorise_at"),
        ({"bandit": Bandit(seed=1, floor=0.6)}, "/bandit/floor"),
        ({"bandit": Bandit(seed=-1)}, "/bandit/seed"),
        ({"guardrails": (Guardrail(GuardrailMetric.BOUNCE, 1.5),)}, "/guardrails/0/at_most"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_by_its_pointer(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        _created(**changes)

    assert [fault.pointer for fault in refusal.value.faults] == [pointer]


@pytest.mark.req("ABT-1")
def test_contacts_are_assigned_from_the_start_on() -> None:
    draft, test = _created(), _running()

    with pytest.raises(NotStarted):
        draft.assign("fan-1")
    arms = [test.assign(contact) for contact in CONTACTS]
    assert arms == [_running().assign(contact) for contact in CONTACTS]
    assert 900 < arms.count("b") < 1100


@pytest.mark.parametrize(
    ("moves", "allowed"),
    [
        ((), ["start", "cancel"]),
        (("start",), ["looks", "complete", "cancel", "apply-winner"]),
        (("start", "complete"), ["looks", "apply-winner"]),
        (("start", "cancel"), []),
    ],
)
def test_a_refusal_names_the_moves_that_can_be_asked_for(moves: tuple[str, ...], allowed: list[str]) -> None:
    test = _created()
    for move in moves:
        getattr(test, move)(**({} if move == "start" else {"look": _look()}), **WHO)

    with pytest.raises(MoveNotAllowed) as refusal:
        test.check("reallocate" if moves != ("start",) else "start")

    assert refusal.value.allowed == allowed


def test_held_out_contacts_have_no_arm() -> None:
    arms = [_running(holdout=0.25).assign(contact) for contact in CONTACTS]

    assert 430 < arms.count(None) < 570


@pytest.mark.req("ABT-1")
def test_new_shares_move_as_few_contacts_as_can_be_and_are_kept() -> None:
    test = _running()
    before = [test.assign(contact) for contact in CONTACTS]

    test.change_plan(replace(PLAN, variants=(replace(PLAN.variants[0], share=4), PLAN.variants[1])), **WHO)

    moves = [(old, new) for old, new in zip(before, map(test.assign, CONTACTS), strict=True) if old != new]
    state = test.state()
    assert set(moves) == {("b", "control")}
    assert 530 < len(moves) < 670
    assert [allocated.shares for allocated in state.allocations] == [(0.5, 0.5), (0.8, 0.2)]
    assert [change.fields for change in state.changes] == [("variants",)]


def test_a_plan_changed_before_the_start_is_no_change_to_show() -> None:
    test = _created()

    test.change_plan(replace(PLAN, confidence=0.9), **WHO)

    assert test.state().plan.confidence == 0.9
    assert test.state().changes == ()


def test_a_plan_changed_after_the_start_is_shown() -> None:
    test = _running()

    test.change_plan(replace(PLAN, confidence=0.9, minimum_effect=0.2), **WHO)

    assert [change.fields for change in test.state().changes] == [("confidence", "minimum_effect")]
    assert len(test.state().allocations) == 1


def test_the_same_plan_again_is_noted_as_no_change() -> None:
    test = _running()

    test.change_plan(PLAN, **WHO)

    assert _happened(test) == [events.ABTestCreated, events.ABTestStarted, events.ABTestPlanChanged]
    assert test.state().changes == ()
    assert len(test.state().allocations) == 1


def test_variants_stay_once_a_test_has_started() -> None:
    test = _running()

    with pytest.raises(VariantsFixed):
        test.change_plan(replace(PLAN, variants=(*PLAN.variants, Variant("c"))), **WHO)


def test_looks_are_recorded() -> None:
    test = _running()

    test.record_look(_look(None), **WHO)
    test.record_look(_look(), **WHO)

    assert [seen.look.decision.winner for seen in test.state().looks] == [None, "b"]


def test_a_completed_test_keeps_what_it_found() -> None:
    test = _running()

    test.complete(_look(), **WHO)

    assert (test.state().status, test.state().learnt) == (Status.COMPLETED, _look())


def test_a_cancelled_test_keeps_what_was_learnt() -> None:
    test = _running()

    test.cancel(_look(None), **WHO)

    assert (test.state().status, test.state().learnt) == (Status.CANCELLED, _look(None))


@pytest.mark.req("ABT-5")
def test_a_declared_winner_is_applied_by_hand() -> None:
    test = _running(holdout=0.1)
    held = [contact for contact in CONTACTS if test.assign(contact) is None]

    test.declare_winner(_look(), **WHO)
    test.apply_winner(**WHO)

    arms = {contact: test.assign(contact) for contact in CONTACTS}
    assert [contact for contact, arm in arms.items() if arm is None] == held
    assert set(arms.values()) == {None, "b"}
    assert test.state().status is Status.COMPLETED
    with pytest.raises(WinnerAlreadyApplied):
        test.apply_winner(**WHO)


@pytest.mark.req("ABT-5")
def test_a_person_may_apply_an_arm_against_the_figures() -> None:
    test = _running()
    test.declare_winner(_look(), **WHO)

    test.apply_winner("control", **WHO)

    applied = test.pending_events[-1]
    assert isinstance(applied, events.ABTestWinnerApplied)
    assert (applied.winner, applied.declared) == ("control", False)


@pytest.mark.req("ABT-5")
def test_a_winner_is_applied_by_itself_once_where_the_plan_says_so() -> None:
    test = _running(auto_apply=True)

    test.apply_winner_automatically(_look(), **WHO)

    assert _happened(test)[2:] == [events.ABTestWinnerDeclared, events.ABTestWinnerApplied]
    with pytest.raises(WinnerAlreadyApplied):
        test.apply_winner_automatically(_look(), **WHO)
    with pytest.raises(NotAutomatic):
        _running().apply_winner_automatically(_look(), **WHO)


def test_no_winner_is_applied_by_itself_before_the_figures_name_one() -> None:
    with pytest.raises(NoWinnerYet):
        _running(auto_apply=True).apply_winner_automatically(_look(None), **WHO)


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (lambda test: test.apply_winner(**WHO), NoWinnerYet),
        (lambda test: test.apply_winner("z", **WHO), Invalid),
        (lambda test: test.declare_winner(_look(None), **WHO), NoWinnerYet),
        (lambda test: test.reallocate(_step(), position=None, **WHO), NoBandit),
        (lambda test: test.next_seed(), NoBandit),
        (lambda test: test.start(**WHO), MoveNotAllowed),
    ],
)
def test_what_a_running_test_refuses(command: Callable[[ABTest], Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        command(_running())


def test_a_winner_is_declared_once() -> None:
    test = _running()
    test.declare_winner(_look(), **WHO)

    with pytest.raises(WinnerAlreadyDeclared):
        test.declare_winner(_look(), **WHO)


@pytest.mark.parametrize("command", ["start", "complete", "apply_winner", "record_look", "change_plan"])
def test_a_cancelled_test_allows_nothing(command: str) -> None:
    test = _running()
    test.cancel(**WHO)
    given: dict[str, list[Any]] = {"complete": [_look()], "record_look": [_look()], "change_plan": [PLAN]}

    with pytest.raises(MoveNotAllowed):
        getattr(test, command)(*given.get(command, []), **WHO)


@pytest.mark.req("ABT-5")
def test_late_facts_that_flip_the_winner_raise_one_alert_and_move_nothing_back() -> None:
    test = _running(auto_apply=True)
    test.apply_winner_automatically(_look(), **WHO)
    layout = test.state().layout

    assert not test.review(_look(), **WHO)
    assert test.review(_look(None), **WHO)
    assert not test.review(_look(None), **WHO)
    assert test.review(_look("control"), **WHO)
    assert (test.state().layout, test.state().applied) == (layout, "b")


def _step(seed: int = 7) -> Allocation:
    return Allocation((0.1, 0.9), (0.14, 0.86), seed, 20_000, "Thompson sampling")


@pytest.mark.req("ABT-4")
def test_a_bandits_step_follows_its_recorded_seed() -> None:
    test = _running(bandit=Bandit(seed=7))

    first = test.next_seed()
    test.reallocate(_step(first), position=None, **WHO)

    assert (first, test.next_seed()) == (7, 8)
    assert test.state().shares == (0.14, 0.86)
    assert test.state().allocations[-1].seed == 7


def test_every_event_survives_the_store_and_gives_the_same_state() -> None:
    test = _running(bandit=Bandit(seed=7), auto_apply=True, winsorise_at=None)
    test.change_plan(replace(test.state().plan, holdout=0.05), **WHO)
    test.reallocate(_step(), position=None, **WHO)
    test.record_look(_look(None), **WHO)
    test.apply_winner_automatically(_look(), **WHO)
    test.review(_look("control"), **WHO)
    ended, given_up = _running(), _running()
    ended.complete(_look(), **WHO)
    given_up.cancel(_look(None), **WHO)
    codec = Codec(events.EVENTS)
    written: set[type] = set()

    for original in (test, ended, given_up):
        copy: ABTest | None = None
        for version, event in enumerate(original.pending_events, start=1):
            assert isinstance(event, events.ABTestEvent)
            stored = codec.decode(event.TOPIC, codec.encode(event), id=ID, version=version, at=NOW)
            written.add(type(event))
            assert stored == event
            copy = stored.mutate(copy)
        assert copy is not None
        assert copy.state() == original.state()
        assert codec.decode_state(ABTestState, codec.encode_state(copy.state())) == original.state()
    assert written == set(events.EVENTS)
