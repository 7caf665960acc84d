"""What tests have seen, for those who judge them."""

from __future__ import annotations

from adapters.read_models.reader import PostgresReads
from domain.ab_test.evidence import Evidence
from domain.ab_test.state import ABTestState
from domain.shared.position import Position
from projections.ab_evidence.question import EvidenceQuestion


class PostgresEvidences:
    """Implements ``application.ports_ab_tests.Evidences`` with the answers of the read models."""

    def __init__(self, reads: PostgresReads) -> None:
        self._reads = reads

    async def of(self, workspace: int, state: ABTestState, *, as_of: Position | None = None) -> Evidence:
        """The evidence of a test. Where its winner was applied, contacts who came later drew no lot and are left out.
        NotFound."""
        drawn = state.allocations[:-1] if state.applied is not None else state.allocations
        applied = state.allocations[-1].at if state.applied is not None else None
        question = EvidenceQuestion(
            state.plan.names,
            tuple((allocated.at, allocated.shares) for allocated in drawn),
            until=applied,
            cap=state.plan.winsorise_at,
        )
        return (await self._reads.evidence(workspace, state.campaign_id, question, as_of=as_of)).value

