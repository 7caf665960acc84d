"""A workspace is made, and its keys are made and revoked."""

from __future__ import annotations

from uuid import UUID

import pytest

from application.workspace.create_workspace import CreateWorkspace
from application.workspace.keys import MakeKey, RevokeKey
from domain.shared.errors import AlreadyExists
from domain.workspace.workspace import KeyAlreadyRevoked, Workspace
from tests.examples.worlds import STUDIO, World

HOME = UUID("01935000-0000-7000-8000-0000000000aa")
KEY = UUID("01935000-0000-7000-8000-0000000000bb")


@pytest.mark.req("EVT-1")
async def test_the_log_holds_who_made_and_revoked_which_key() -> None:
    world = World()

    await world.application.create_workspace(CreateWorkspace(HOME, "studio"), world.asks())
    await world.application.make_key(MakeKey(HOME, KEY, "owner"), world.asks())
    await world.application.revoke_key(RevokeKey(HOME, KEY), world.asks())

    entries = await world.store.history(Workspace, STUDIO, HOME)
    assert [entry.event.TOPIC for entry in entries] == [
        "workspace.created",
        "workspace.key-made",
        "workspace.key-revoked",
    ]
    with pytest.raises(KeyAlreadyRevoked):
        await world.application.revoke_key(RevokeKey(HOME, KEY), world.asks())
    with pytest.raises(AlreadyExists):
        await world.application.create_workspace(CreateWorkspace(HOME, "studio"), world.asks())
