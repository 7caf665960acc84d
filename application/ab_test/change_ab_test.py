"""Change the plan of a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.ab_test.create_ab_test import seed_of
from application.loading import load, record
from application.ports import Context, EventStore, Recorded
from domain.ab_test.ab_test import ABTest
from domain.ab_test.plan_reading import patched


@dataclass(frozen=True)
class ChangeABTest:
    """``patch`` is a merge patch (RFC 7396) as the client sent it."""

    id: UUID
    patch: Any


@dataclass(frozen=True)
class ChangeABTestHandler:
    """Raises NotFound, Invalid, MoveNotAllowed, VariantsFixed."""

    store: EventStore

    async def __call__(self, command: ChangeABTest, context: Context) -> tuple[ABTest, Recorded]:
        """Load, change, save. A patch that changes nothing is recorded as such."""
        test = await load(self.store, ABTest, command.id, context)
        plan = patched(test.state().plan, command.patch, seed=seed_of(test.id))
        test.change_plan(plan, by=context.caller.actor, at=context.at)
        return test, await record(self.store, test, context)
