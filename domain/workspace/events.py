"""What can happen to a workspace. A key itself never stands in an event, only its id."""

from __future__ import annotations

from uuid import UUID

from domain.shared.event import Created, Event
from domain.workspace.roles import Role


class WorkspaceEvent(Event):
    """A fact about one workspace; ``by`` is the opaque id of who decided it."""

    by: str


class WorkspaceCreated(WorkspaceEvent, Created):
    """A workspace was made."""

    TOPIC = "workspace.created"

    name: str


class KeyMade(WorkspaceEvent):
    """An API key was made."""

    TOPIC = "workspace.key-made"

    key_id: UUID
    role: Role


class KeyRevoked(WorkspaceEvent):
    """An API key opens nothing any more."""

    TOPIC = "workspace.key-revoked"

    key_id: UUID


EVENTS: tuple[type[WorkspaceEvent], ...] = (WorkspaceCreated, KeyMade, KeyRevoked)
