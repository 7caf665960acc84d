"""The workspace: everything belongs to one, and its keys open it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from domain.shared.aggregate import Aggregate
from domain.shared.errors import Conflict, Invalid, NotFound
from domain.shared.reading import Value
from domain.workspace.events import KeyMade, KeyRevoked, WorkspaceCreated
from domain.workspace.roles import Role

_LONGEST_NAME = 200


class KeyAlreadyMade(Conflict):
    """A key with this id was made before."""


class KeyAlreadyRevoked(Conflict):
    """This key is revoked already."""


class KeyNotFound(NotFound):
    """There is no such key in this workspace."""


@dataclass(frozen=True)
class Key:
    """A key as the workspace knows it: never the key itself."""

    key_id: UUID
    role: Role
    made_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class WorkspaceState:
    """Everything that the events of a workspace have said so far."""

    name: str
    created_by: str
    keys: tuple[Key, ...] = ()


class Workspace(Aggregate):
    """One workspace. Commands take ``by`` (the opaque id of who asks) and ``at`` (now)."""

    KIND = "workspace"
    STATE = WorkspaceState

    def __init__(self) -> None:
        self._state: WorkspaceState

    @classmethod
    def create(cls, id: UUID, name: Any, *, by: str, at: datetime) -> Self:
        """A new workspace with a name of 1 to 200 characters. Raises Invalid."""
        place = Value(name, "/name", [])
        accepted = place.required().text(_LONGEST_NAME, shortest=1)
        if accepted is None:
            raise Invalid(place.faults)
        return cls._create(WorkspaceCreated, id=id, name=accepted, by=by, timestamp=at)

    @classmethod
    def from_state(
        cls, id: UUID, version: int, created_on: datetime, modified_on: datetime, state: WorkspaceState
    ) -> Self:
        """The workspace that a snapshot holds."""
        workspace = cls.__new__(cls)
        workspace.__base_init__(id, version, created_on)
        workspace.modified_on = modified_on
        workspace._state = state
        return workspace

    def state(self) -> WorkspaceState:
        """How it stands: all of it, in one immutable value."""
        return self._state

    def make_key(self, key_id: UUID, role: Any, *, by: str, at: datetime) -> None:
        """A new key for a role. Raises Invalid or KeyAlreadyMade."""
        place = Value(role, "/role", [])
        accepted = place.required().choice(Role)
        if accepted is None:
            raise Invalid(place.faults)
        if self._key(key_id) is not None:
            raise KeyAlreadyMade
        self.trigger_event(KeyMade, key_id=key_id, role=accepted, by=by, timestamp=at)

    def revoke_key(self, key_id: UUID, *, by: str, at: datetime) -> None:
        """From now on the key opens nothing. Raises KeyNotFound or KeyAlreadyRevoked."""
        key = self._key(key_id)
        if key is None:
            raise KeyNotFound
        if key.revoked_at is not None:
            raise KeyAlreadyRevoked
        self.trigger_event(KeyRevoked, key_id=key_id, by=by, timestamp=at)

    def when(self, event: Any) -> None:
        """Take over what the event says."""
        match event:
            case WorkspaceCreated(name=name, by=by):
                self._state = WorkspaceState(name=name, created_by=by)
            case KeyMade(key_id=key_id, role=role):
                key = Key(key_id, role, made_at=event.timestamp)
                self._state = replace(self._state, keys=(*self._state.keys, key))
            case KeyRevoked(key_id=key_id):
                keys = tuple(
                    replace(key, revoked_at=event.timestamp) if key.key_id == key_id else key
                    for key in self._state.keys
                )
                self._state = replace(self._state, keys=keys)
            case _:
                super().when(event)

    def _key(self, key_id: UUID) -> Key | None:
        return next((key for key in self._state.keys if key.key_id == key_id), None)
