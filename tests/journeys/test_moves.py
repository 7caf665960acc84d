"""Every move from every status: the table of the API's reference, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.campaigns import campaign_in, drafted, in_, move, status_of, without_tokens
from tests.support.client import Client

TABLE: dict[str, dict[str, str]] = {
    "draft": {
        "schedule": "scheduled", "launch": "active", "cancel": "cancelled", "archive": "archived",
        "delete": "draft",
    },
    "scheduled": {
        "schedule": "scheduled", "unschedule": "draft", "launch": "active", "cancel": "cancelled",
    },
    "active": {"pause": "paused", "complete": "completed", "cancel": "cancelled"},
    "paused": {"resume": "active", "complete": "completed", "cancel": "cancelled"},
    "completed": {"archive": "archived", "delete": "completed"},
    "cancelled": {"archive": "archived", "delete": "cancelled"},
    "failed": {"archive": "archived", "delete": "failed"},
    "archived": {"unarchive": "draft", "delete": "archived"},
    "deleted": {"restore": "draft"},
}  # fmt: skip
"""The statuses, the moves that each allows, and where they lead."""

MOVES = (
    "schedule", "unschedule", "launch", "pause", "resume", "complete", "cancel", "archive", "unarchive",
    "delete", "restore",
)  # fmt: skip

CHANGES: dict[str, dict[str, Any]] = {
    "/name": {"name": "Winter e-mail"},
    "/description": {"description": "Snow"},
    "/tags": {"tags": ["winter"]},
    "/goals": {"goals": {"conversions": 7}},
    "/budget": {"budget": {"amount": 600_000, "currency": "USD"}},
    "/schedule/ends_at": {"schedule": {"ends_at": "2199-01-01T00:00:00Z"}},
    "/content": {"content": {"default": {"body": "Snow falls."}}},
    "/platforms": {"platforms": ["email", "sms"]},
    "/schedule/starts_at": {"schedule": {"starts_at": "2198-01-01T00:00:00Z"}},
    "/type": {"type": "retention"},
    "/delivery": {"delivery": "drip"},
}
LABELS = {"/name", "/description", "/tags"}
RUNNING = LABELS | {"/goals", "/budget", "/schedule/ends_at"}
MAY_CHANGE: dict[str, set[str]] = {
    "draft": set(CHANGES),
    "scheduled": set(CHANGES) - {"/type", "/delivery"},
    "active": RUNNING,
    "paused": RUNNING | {"/content"},
    "completed": LABELS,
    "cancelled": LABELS,
    "failed": LABELS,
    "archived": set(),
    "deleted": set(),
}


@pytest.mark.req("CAM-3")
@pytest.mark.parametrize("status", TABLE)
def test_a_status_allows_its_moves_and_refuses_all_others_with_those_it_allows(alice: Client, status: str) -> None:
    open_moves = TABLE[status]
    unmoved = campaign_in(alice, status)
    for name in MOVES:
        before = alice.get(f"/v1/campaigns/{unmoved}").ok().body
        campaign = campaign_in(alice, status) if name in open_moves else unmoved

        answer = move(alice, campaign, name)

        after = alice.get(f"/v1/campaigns/{campaign}").ok().body
        if name in open_moves:
            assert (name, answer.status, answer.body["status"]) == (name, 200, open_moves[name])
            assert without_tokens(answer.body) == without_tokens(after)
            assert (after["deleted_at"] is not None) == (name == "delete")
            assert answer.version == after["version"]
        else:
            assert (name, answer.status) == (name, 409)
            assert answer.headers["content-type"] == "application/problem+json"
            assert set(answer.body["allowed"]) - {"delete"} == set(open_moves) - {"delete"}
            assert without_tokens(after) == without_tokens(before)


@pytest.mark.req("CAM-3")
@pytest.mark.parametrize("status", MAY_CHANGE)
def test_a_status_locks_all_but_its_fields_each_refused_with_its_pointer(alice: Client, status: str) -> None:
    campaign = campaign_in(alice, status)
    for pointer, patch in CHANGES.items():
        version = alice.get(f"/v1/campaigns/{campaign}").ok().version

        answer = alice.patch(f"/v1/campaigns/{campaign}", patch)

        if pointer in MAY_CHANGE[status]:
            assert (pointer, answer.status, answer.version) == (pointer, 200, version + 1)
        else:
            assert (pointer, answer.status) == (pointer, 409)
            if MAY_CHANGE[status]:
                assert [fault["pointer"] for fault in answer.body["errors"]] == [pointer]
            assert alice.get(f"/v1/campaigns/{campaign}").version == version


def test_a_running_campaigns_budget_goes_upwards_only(alice: Client) -> None:
    campaign = campaign_in(alice, "active")

    lowered = alice.patch(f"/v1/campaigns/{campaign}", {"budget": {"amount": 499_999}})
    removed = alice.patch(f"/v1/campaigns/{campaign}", {"budget": None})
    raised = alice.patch(f"/v1/campaigns/{campaign}", {"budget": {"amount": 500_001}})

    assert (lowered.status, removed.status, raised.status) == (409, 409, 200)
    assert lowered.body["errors"][0]["pointer"].startswith("/budget")


def test_the_same_move_twice_is_refused_unless_the_key_is_the_same(alice: Client) -> None:
    campaign = drafted(alice)

    first = move(alice, campaign, "launch", key="launch-it").ok()
    again = move(alice, campaign, "launch", key="launch-it").ok()
    other = move(alice, campaign, "launch", key="once-more")

    assert (again.content, again.replayed, other.status) == (first.content, True, 409)


def test_an_archived_campaign_goes_back_to_the_status_before(alice: Client) -> None:
    for status in ("draft", "completed", "cancelled"):
        campaign = campaign_in(alice, status)
        move(alice, campaign, "archive").ok()

        assert move(alice, campaign, "unarchive").ok().body["status"] == status


def test_a_deleted_campaign_still_answers_and_is_as_before_when_restored(alice: Client) -> None:
    campaign = campaign_in(alice, "cancelled")
    before = alice.get(f"/v1/campaigns/{campaign}").ok().body

    move(alice, campaign, "delete").ok()
    deleted = alice.get(f"/v1/campaigns/{campaign}").ok().body
    restored = move(alice, campaign, "restore").ok().body

    same = set(before) - {"version", "updated_at", "deleted_at"}
    assert deleted["deleted_at"] is not None
    assert {name: restored[name] for name in same} == {name: before[name] for name in same}
    assert restored["deleted_at"] is None


def test_a_schedule_outlives_the_way_back_to_a_draft_and_a_launch_clears_the_start(alice: Client) -> None:
    campaign = drafted(alice)
    starts_at = move(alice, campaign, "schedule", {"starts_at": in_(days=2), "ends_at": in_(days=3)}).body["schedule"][
        "starts_at"
    ]

    kept = move(alice, campaign, "unschedule").ok().body["schedule"]
    move(alice, campaign, "schedule", {"time_zone": "Europe/Paris"}).ok()
    launched = move(alice, campaign, "launch").ok().body["schedule"]

    assert kept["starts_at"] == starts_at
    assert (launched["starts_at"], launched["ends_at"]) == (None, kept["ends_at"])
    assert launched["time_zone"] == "Europe/Paris"


@pytest.mark.parametrize(
    ("schedule", "pointer"),
    [
        ({"starts_at": "2020-01-01T00:00:00Z"}, "/starts_at"),
        ({}, "/starts_at"),
        ({"starts_at": "2199-01-02T00:00:00Z", "ends_at": "2199-01-01T00:00:00Z"}, "/ends_at"),
        ({"starts_at": "2199-01-02T00:00:00"}, "/starts_at"),
        ({"starts_at": "2199-01-02T00:00:00Z", "time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"starts_at": "2199-01-02T00:00:00Z", "frequency": "daily"}, "/frequency"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused_by_name(
    alice: Client, schedule: dict[str, Any], pointer: str
) -> None:
    campaign = drafted(alice)

    answer = alice.post(f"/v1/campaigns/{campaign}/schedule", schedule)

    assert answer.status == 422
    assert pointer in [fault["pointer"] for fault in answer.body["errors"]]
    assert status_of(alice, campaign) == "draft"
