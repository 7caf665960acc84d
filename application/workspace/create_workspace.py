"""Make a workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.loading import record
from application.ports import Context, EventStore, Recorded
from domain.workspace.workspace import Workspace


@dataclass(frozen=True)
class CreateWorkspace:
    """``id`` is that of the workspace's row, so that its stream has the same."""

    id: UUID
    name: Any


@dataclass(frozen=True)
class CreateWorkspaceHandler:
    """Raises Invalid, AlreadyExists."""

    store: EventStore

    async def __call__(self, command: CreateWorkspace, context: Context) -> tuple[Workspace, Recorded]:
        """Create, save."""
        workspace = Workspace.create(command.id, command.name, by=context.caller.actor, at=context.at)
        return workspace, await record(self.store, workspace, context)
