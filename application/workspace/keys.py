"""Make and revoke the keys of a workspace. The key itself never comes here, only its id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.loading import load, record
from application.ports import Context, EventStore, Recorded
from domain.workspace.workspace import Workspace


@dataclass(frozen=True)
class MakeKey:
    """A key ``key_id`` for ``role``, in the workspace ``id``."""

    id: UUID
    key_id: UUID
    role: Any


@dataclass(frozen=True)
class MakeKeyHandler:
    """Raises NotFound, Invalid, KeyAlreadyMade."""

    store: EventStore

    async def __call__(self, command: MakeKey, context: Context) -> tuple[Workspace, Recorded]:
        """Load, make, save."""
        workspace = await load(self.store, Workspace, command.id, context)
        workspace.make_key(command.key_id, command.role, by=context.caller.actor, at=context.at)
        return workspace, await record(self.store, workspace, context)


@dataclass(frozen=True)
class RevokeKey:
    """The key ``key_id`` of the workspace ``id``."""

    id: UUID
    key_id: UUID


@dataclass(frozen=True)
class RevokeKeyHandler:
    """Raises NotFound, KeyNotFound, KeyAlreadyRevoked."""

    store: EventStore

    async def __call__(self, command: RevokeKey, context: Context) -> tuple[Workspace, Recorded]:
        """Load, revoke, save."""
        workspace = await load(self.store, Workspace, command.id, context)
        workspace.revoke_key(command.key_id, by=context.caller.actor, at=context.at)
        return workspace, await record(self.store, workspace, context)
