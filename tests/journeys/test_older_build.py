"""A release while work goes on: processes of an older build and of this one side by side on one log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.journeys.test_two_projectors import owned
from tests.plugins.databases import Server
from tests.support.campaigns import drafted, in_, move, status_of
from tests.support.client import Client, with_id
from tests.support.older_build import COMMITS, Build, files_of
from tests.support.server import Api, Product, Running, product, ready
from tests.waiting import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.req("OPS-2", "OPS-3")]

PATIENCE = 60.0


@pytest.fixture
def release(older: Build, server: Server, tmp_path: Path) -> Iterator[tuple[Product, Product, str]]:
    """The older build's product on a database of its own, this one's on the same, which has migrated it further while
    processes of the older one ran, and a key that the older one has made."""
    name = server.create()
    dsn = server.database(name)
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    with product(dsn, tmp_path / "before", older) as before:
        before.api()
        before.projector()
        before.worker()
        key = before.key_by_command("both")
        with product(dsn, tmp_path / "after") as after:
            yield before, after, key
    server.drop(name)


def test_an_older_build_and_this_one_work_on_one_log(
    release: tuple[Product, Product, str], record_property: Any
) -> None:
    before, after, key = release
    old_api, old_projector, old_worker = before.running
    new_api, new_projector = after.api(), after.projector()
    assert_runs_code_of(before.build, old_api, old_projector, old_worker)
    assert isinstance(old_api, Api)
    old, new = Client(old_api.url, key), Client(new_api.url, key)
    wait_until(lambda: sorted(owned(after).values()) == [8, 8], PATIENCE)

    campaign = drafted(old)
    commands = 1 + by_turns(old, new, campaign)
    clicks = facts_by_turns(old, new, campaign)
    assert_both_answer(old, new, campaign, clicks, commands)

    new_projector.stop()  # the older one folds alone
    clicks += facts_by_turns(old, new, campaign)
    assert_both_answer(old, new, campaign, clicks, commands)

    again = after.projector()
    wait_until(lambda: sorted(owned(after).values()) == [8, 8], PATIENCE)
    old_projector.stop()  # and now this one
    clicks += facts_by_turns(old, new, campaign)
    assert_both_answer(old, new, campaign, clicks, commands)
    assert again.process.poll() is None

    due = drafted(new)
    move(new, due, "schedule", {"starts_at": in_(seconds=0.5)}).ok()
    wait_until(lambda: status_of(old, due) == "active", PATIENCE)  # launched by the older build's worker
    wait_until(lambda: ready(new_api), PATIENCE)
    sums = f"{clicks} facts, {commands} commands, exact"
    record_property("told", f"older build: {COMMITS[0][:7]} beside this commit: {sums}")


def assert_runs_code_of(build: Build, *running: Running) -> None:
    """Every file of the product that these processes have loaded lies in the build's folder."""
    for one in running:
        wait_until(lambda one=one: files_of(one.log), PATIENCE)  # type: ignore[misc]
        files = files_of(one.log)
        assert len(files) > 50
        assert [file for file in files if not file.is_relative_to(build.root)] == []


def by_turns(old: Client, new: Client, campaign: str) -> int:
    """Commands to one campaign from both, each repeated under its key at the other one; how many."""
    clients = (old, new)
    for number in range(10):
        one, other = clients[number % 2], clients[1 - number % 2]
        patch = {"tags": [f"turn-{number}"]}
        done = one.patch(f"/v1/campaigns/{campaign}", patch, key=f"turn-{number}").ok()
        again = other.patch(f"/v1/campaigns/{campaign}", patch, key=f"turn-{number}").ok()
        assert again.replayed
        assert again.version == done.version == number + 2
    move(old, campaign, "launch").ok()
    move(new, campaign, "pause").ok()
    move(old, campaign, "resume").ok()
    return 13


def facts_by_turns(old: Client, new: Client, campaign: str) -> int:
    """Clicks through both, each batch repeated at the other one; how many different ones."""
    for number in range(10):
        batch = [
            with_id({"kind": "click", "campaign_id": campaign, "contact_id": str(uuid4()), "platform": "email"})
            for _ in range(50)
        ]
        one, other = (old, new) if number % 2 else (new, old)
        assert one.track(*batch).body["accepted"] == 50
        assert other.track(*batch).body["duplicates"] == 50
    return 500


def assert_both_answer(old: Client, new: Client, campaign: str, clicks: int, commands: int) -> None:
    """Both apis answer the same, and what was sent. Tokens of either are good at both."""
    position = old.get(f"/v1/campaigns/{campaign}").ok().position
    told = new.track({"kind": "impression", "campaign_id": campaign}).body["position"]
    for client in (old, new):
        total = client.get(f"/v1/campaigns/{campaign}/metrics", after=told, wait=30).ok().body["total"]
        assert (total["clicks"], total["unique_clicks"]) == (clicks, clicks)
        listed = client.get("/v1/campaigns", after=position, wait=30).ok().body["items"]
        assert [item["status"] for item in listed if item["id"] == campaign] == ["active"]
        assert len(client.get(f"/v1/campaigns/{campaign}/history", limit=100).ok().body["items"]) == commands
