"""A workspace knows its keys by their ids."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.shared.errors import Invalid
from domain.workspace.events import KeyMade, KeyRevoked, WorkspaceCreated
from domain.workspace.workspace import Key, KeyAlreadyMade, KeyAlreadyRevoked, KeyNotFound, Workspace
from tests.examples.campaigns import ALICE, BOB, NOON, after_noon

STUDIO = UUID("01935000-0000-7000-8000-0000000000aa")
KEY = UUID("01935000-0000-7000-8000-0000000000bb")


def a_workspace() -> Workspace:
    return Workspace.create(STUDIO, "studio", by=ALICE, at=NOON)


@pytest.mark.req("EVT-1")
def test_a_workspace_makes_and_revokes_keys() -> None:
    workspace = a_workspace()

    workspace.make_key(KEY, "owner", by=ALICE, at=NOON)
    workspace.revoke_key(KEY, by=BOB, at=after_noon(hours=1))

    assert [type(event) for event in workspace.pending_events] == [WorkspaceCreated, KeyMade, KeyRevoked]
    assert workspace.state().name == "studio"
    assert workspace.state().keys == (Key(KEY, workspace.state().keys[0].role, NOON, after_noon(hours=1)),)


@pytest.mark.req("EVT-10")
def test_a_replay_and_a_snapshot_give_the_same_state() -> None:
    workspace = a_workspace()
    workspace.make_key(KEY, "owner", by=ALICE, at=NOON)

    replayed: Any = None
    for event in workspace.pending_events:
        replayed = event.mutate(replayed)
    restored = Workspace.from_state(STUDIO, 2, NOON, NOON, workspace.state())

    assert replayed.state() == workspace.state() == restored.state()
    assert restored.version == replayed.version == 2


def test_a_key_is_made_and_revoked_once() -> None:
    workspace = a_workspace()
    workspace.make_key(KEY, "owner", by=ALICE, at=NOON)

    with pytest.raises(KeyAlreadyMade):
        workspace.make_key(KEY, "owner", by=ALICE, at=NOON)
    with pytest.raises(KeyNotFound):
        workspace.revoke_key(STUDIO, by=ALICE, at=NOON)
    workspace.revoke_key(KEY, by=ALICE, at=NOON)
    with pytest.raises(KeyAlreadyRevoked):
        workspace.revoke_key(KEY, by=ALICE, at=NOON)


@pytest.mark.parametrize("name", ["", "n" * 201, None, 5, "a\0"])
def test_a_name_has_1_to_200_characters(name: Any) -> None:
    with pytest.raises(Invalid, match="/name"):
        Workspace.create(STUDIO, name, by=ALICE, at=NOON)


@pytest.mark.parametrize("role", ["viewer", "", None, 1])
def test_a_role_that_does_not_exist_is_refused(role: Any) -> None:
    with pytest.raises(Invalid, match="/role"):
        a_workspace().make_key(KEY, role, by=ALICE, at=NOON)
