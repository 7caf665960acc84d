"""Long work that is asked for and then watched: what its users see of it, and who keeps it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from domain.shared.errors import Conflict


@dataclass(frozen=True)
class Job:
    """One job. ``state`` is queued, running, succeeded, failed or cancelled; ``done`` of ``total`` grows while it runs;
    ``error`` is a sentence."""

    id: UUID
    state: str
    done: int
    total: int
    error: str | None
    result: dict[str, Any] | None


class RebuildRunning(Conflict):
    """A rebuild of this projection is queued or running; wait for it, or cancel it."""


class Jobs(Protocol):
    """Keeps the jobs of all workspaces; each sees its own."""

    async def add_rebuild(
        self, workspace: int, actor: str, id: UUID, request: Mapping[str, Any], names: Collection[str]
    ) -> Job:
        """Queue the rebuild of the tables ``names``; asked again under the same id, the job that was queued.
        RebuildRunning where one of the tables has a rebuild already."""
        ...

    async def job(self, workspace: int, id: UUID) -> Job:
        """A job of the workspace. NotFound."""
        ...

    async def cancel(self, workspace: int, id: UUID) -> Job:
        """Ask for the end of a job: a queued one is cancelled at once, a running one at its next look. NotFound;
        JobFinished."""
        ...


class JobFinished(Conflict):
    """This job is finished; there is nothing to cancel."""
