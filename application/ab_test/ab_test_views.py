"""What can be asked of one test: read from its stream, so always as its last event left it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from application.ab_test.looking import Looking
from application.evaluate_ab_test import analyse_summaries
from application.ports import Entry, EventStore, Histories, Seal
from domain.ab_test import history
from domain.ab_test.ab_test import ABTest
from domain.ab_test.request_check import check_analysis, check_plan
from domain.ab_test.request_reading import read_analysis, read_plan_request
from domain.ab_test.resource import present
from domain.ab_test.result_document import analysis_document, result_document, size_document
from domain.engagement.rules import LONGEST_ID, is_personal
from domain.shared.errors import Fault, Invalid
from domain.shared.position import Position


@dataclass(frozen=True)
class Seen:
    """An answer about a test: its JSON values, the version that it is about, and the position that it reflects."""

    value: dict[str, Any]
    version: int
    position: Position | None = None


@dataclass(frozen=True)
class ABTestViews:
    """Queries about one test. NotFound where the workspace has none, or had none then."""

    store: EventStore
    histories: Histories
    looking: Looking
    seal: Seal

    async def view(self, workspace: int, id: UUID, *, as_of: Position | None = None) -> Seen:
        """The test now, or as known at a position."""
        test = await self._test(workspace, id, as_of)
        return Seen(shown(test), test.version)

    async def resource(self, test: ABTest) -> dict[str, Any]:
        """The test as a command leaves it."""
        return shown(test)

    async def recorded_at(self, workspace: int, id: UUID, version: int) -> datetime | None:
        """When a version was recorded; None where it has not come yet. NotFound."""
        if (await self.store.get(ABTest, workspace, id)).version < version:
            return None
        return (await self.store.get(ABTest, workspace, id, version=version)).modified_on

    async def results(self, workspace: int, id: UUID, *, as_of: Position | None = None) -> Seen:
        """What it has found so far, or had found at a position. Changes nothing."""
        test = await self._test(workspace, id, as_of)
        result = await self.looking.at(workspace, test.state(), as_of=as_of)

        def sealed(position: Position) -> str:
            return self.seal.seal(workspace, position)

        found = result_document(str(id), test.state(), result, sealed)
        return Seen(found, test.version, result.evidence.position)

    async def assignment(self, workspace: int, id: UUID, contact: str) -> Seen:
        """The arm of a contact, null where it is held out. Invalid; NotStarted. Records nothing."""
        if not 1 <= len(contact) <= LONGEST_ID:
            raise Invalid([Fault("/contact_id", "length", f"A contact's id has 1 to {LONGEST_ID} characters.")])
        if is_personal(contact):
            raise Invalid([Fault("/contact_id", "personal", "Send your own opaque id, no address and no number.")])
        test = await self._test(workspace, id, None)
        return Seen({"contact_id": contact, "variant": test.assign(contact)}, test.version)

    async def history(self, workspace: int, id: UUID) -> list[tuple[history.Entry, Entry]]:
        """What happened to it, oldest first, each with the envelope under which it was recorded."""
        stream = await self.histories.history(ABTest, workspace, id)
        told = history.entries(entry.event for entry in stream)  # type: ignore[misc]
        return list(zip(told, stream, strict=True))

    def analyse(self, document: Any) -> dict[str, Any]:
        """The answer about summaries that somebody has elsewhere. Invalid."""
        request = read_analysis(document)
        check_analysis(request)
        return analysis_document(request, *analyse_summaries(request, self.looking.statistics))

    def plan(self, document: Any) -> dict[str, Any]:
        """How many contacts a test would need. Invalid."""
        request = read_plan_request(document)
        check_plan(request)
        return size_document(self.looking.statistics.plan(request))

    async def _test(self, workspace: int, id: UUID, as_of: Position | None) -> ABTest:
        return await self.store.get(ABTest, workspace, id, position=None if as_of is None else as_of.events)


def shown(test: ABTest) -> dict[str, Any]:
    """The resource of a test."""
    return present(test.id, test.version, test.created_on, test.modified_on, test.state())
