"""What happened to a test, told from its events: in words, and as values from and to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from domain.ab_test import events
from domain.ab_test.events import ABTestCreated, ABTestEvent
from domain.ab_test.look import Look
from domain.ab_test.resource import plan_document
from domain.ab_test.state import ABTestState, begun, evolve
from domain.ab_test.words import percent
from domain.shared.differences import differences


@dataclass(frozen=True)
class Entry:
    """One event as the history shows it; ``changes`` are ``{"pointer", "from", "to"}``."""

    version: int
    event: str
    text: str
    changes: tuple[dict[str, Any], ...]


def entries(stream: Iterable[ABTestEvent]) -> Iterator[Entry]:
    """The history of a whole stream, oldest first."""
    state: ABTestState | None = None
    for event in stream:
        before = state
        if isinstance(event, ABTestCreated):
            state = begun(event)
        else:
            assert state is not None, "a history begins with the creation"
            state = evolve(state, event)
        changes = tuple(differences(_shown(before), _shown(state)))
        yield Entry(event.originator_version, event.TOPIC, _words(event, state), changes)


def _shown(state: ABTestState | None) -> dict[str, Any]:
    if state is None:
        return {}
    return {
        "name": state.name,
        **plan_document(state.plan),
        "status": state.status.value,
        "shares": dict(zip(state.plan.names, state.shares, strict=True)),
        "winner": state.winner,
        "applied": state.applied,
    }


def _words(event: ABTestEvent, state: ABTestState) -> str:
    match event:
        case events.ABTestCreated(name=name):
            return f"Planned “{name}”."
        case events.ABTestStarted():
            return f"Started: {_shares(state)}."
        case events.ABTestPlanChanged(fields=()):
            return "Changed nothing."
        case events.ABTestPlanChanged(fields=fields):
            return f"Changed the plan: {', '.join(fields)}."
        case events.ABTestReallocated():
            return f"The shares follow the figures: {_shares(state)}."
        case events.ABTestLooked(look=look):
            return f"Looked: {_verdict(look)}"
        case events.ABTestCompleted(look=look):
            return f"Completed: {_verdict(look)}"
        case events.ABTestCancelled(look=None):
            return "Cancelled before it began."
        case events.ABTestCancelled(look=look):
            return f"Cancelled; learnt until then: {_verdict(look)}"
        case events.ABTestWinnerDeclared(look=look, winner=winner):
            return f"{winner} is the winner: {_verdict(look)}"
        case events.ABTestWinnerApplied(winner=winner, automatic=automatic):
            return f"{winner} was applied{' by itself' if automatic else ''}: all contacts get it from now on."
        case events.ABTestAlertRaised(winner=winner, decision=decision):
            reasons = " ".join(decision.reasons)
            return f"Alert: the figures no longer name {winner}, but say {decision.verdict}. {reasons}"
    raise TypeError(f"no words for {type(event).__name__}")


def _shares(state: ABTestState) -> str:
    return ", ".join(f"{name} {percent(share)}" for name, share in zip(state.plan.names, state.shares, strict=True))


def _verdict(look: Look | None) -> str:
    return "" if look is None else f"{look.decision.verdict}. {' '.join(look.decision.reasons)}"
