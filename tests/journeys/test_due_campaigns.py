"""Scheduled launches and ends: at their time, once, whoever sleeps or was away."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.support import dying
from tests.support.campaigns import drafted, history_of, in_, move, status_of
from tests.support.client import Client
from tests.support.server import Product
from tests.waiting import wait_until

LEASE = 10.0
"""Seconds for which a claim holds where its worker is not heard of again."""


def launches_of(client: Client, campaign: str) -> list[datetime]:
    """When it was launched: the times of those events."""
    return [
        datetime.fromisoformat(event["recorded_at"])
        for event in history_of(client, campaign)
        if event["event"] == "campaign.launched"
    ]


@pytest.mark.req("SCH-2")
def test_with_four_workers_a_scheduled_campaign_launches_within_a_second_and_once(apart: Product) -> None:
    for _ in range(4):
        apart.worker()
    alice = apart.client(apart.api())
    time.sleep(1.0)  # they all run
    due = datetime.now(UTC) + timedelta(seconds=2)

    def schedule(number: int) -> tuple[str, datetime]:
        starts_at = due + timedelta(milliseconds=25 * number)
        campaign = drafted(alice, name=f"Campaign {number}")
        move(alice, campaign, "schedule", {"starts_at": starts_at.isoformat()}).ok()
        return campaign, starts_at

    with ThreadPoolExecutor(4) as many:
        scheduled = list(many.map(schedule, range(40)))
    wait_until(lambda: all(status_of(alice, campaign) == "active" for campaign, _ in scheduled), 10)

    for campaign, starts_at in scheduled:
        (launched,) = launches_of(alice, campaign)
        assert timedelta(0) <= launched - starts_at < timedelta(seconds=1)


@pytest.mark.req("SCH-2")
@pytest.mark.faults
def test_where_the_worker_that_claimed_it_sleeps_another_launches_it_when_the_lease_is_over(
    apart: Product,
) -> None:
    sleeper = apart.worker(program=dying.PROGRAM, **{dying.STOP_AFTER_CLAIM: "1"})
    alice = apart.client(apart.api())
    time.sleep(1.0)
    campaign = drafted(alice)
    starts_at = datetime.now(UTC) + timedelta(seconds=0.5)
    move(alice, campaign, "schedule", {"starts_at": starts_at.isoformat()}).ok()
    wait_until(lambda: _sleeps(sleeper.pid), 5)
    claimed_by = datetime.now(UTC)
    for _ in range(3):
        apart.worker()

    wait_until(lambda: status_of(alice, campaign) == "active", LEASE + 5)

    (launched,) = launches_of(alice, campaign)
    assert launched - claimed_by < timedelta(seconds=LEASE + 1)
    sleeper.process.send_signal(18)  # SIGCONT
    time.sleep(1.0)
    assert len(launches_of(alice, campaign)) == 1
    assert sleeper.process.poll() is None


@pytest.mark.req("SCH-2", "CAM-3")
def test_what_fell_due_while_no_worker_ran_is_caught_up(apart: Product) -> None:
    alice = apart.client(apart.api())
    started, ended, never = drafted(alice), drafted(alice), drafted(alice)
    move(alice, ended, "launch").ok()
    alice.patch(f"/v1/campaigns/{ended}", {"schedule": {"ends_at": in_(seconds=0.5)}}).ok()
    move(alice, started, "schedule", {"starts_at": in_(seconds=0.5)}).ok()
    move(alice, never, "schedule", {"starts_at": in_(seconds=0.3), "ends_at": in_(seconds=0.6)}).ok()
    time.sleep(1.0)
    assert status_of(alice, started) == "scheduled"

    apart.worker()

    wait_until(lambda: status_of(alice, started) == "active")
    wait_until(lambda: status_of(alice, ended) == "completed")
    wait_until(lambda: status_of(alice, never) == "failed")


@pytest.mark.req("CAM-3")
def test_a_due_campaign_that_is_not_ready_fails_with_its_report(alice: Client) -> None:
    campaign = drafted(alice, platforms=[])
    move(alice, campaign, "schedule", {"starts_at": in_(seconds=0.3)}).ok()

    wait_until(lambda: status_of(alice, campaign) == "failed")

    failure = alice.get(f"/v1/campaigns/{campaign}").ok().body["failure"]
    assert failure["reason"]
    assert [problem["pointer"] for problem in failure["readiness"]["problems"]] == ["/platforms"]


@pytest.mark.req("SCH-2")
def test_a_moved_start_moves_the_due_time_and_a_draft_never_launches_by_itself(alice: Client) -> None:
    moved, withdrawn = drafted(alice), drafted(alice)
    for campaign in (moved, withdrawn):
        move(alice, campaign, "schedule", {"starts_at": in_(seconds=0.7)}).ok()

    alice.patch(f"/v1/campaigns/{moved}", {"schedule": {"starts_at": in_(seconds=2.5)}}).ok()
    move(alice, withdrawn, "unschedule").ok()

    time.sleep(1.5)
    assert (status_of(alice, moved), status_of(alice, withdrawn)) == ("scheduled", "draft")
    wait_until(lambda: status_of(alice, moved) == "active", 5)
    assert status_of(alice, withdrawn) == "draft"


@pytest.mark.req("SCH-2")
def test_a_due_end_completes_a_running_and_a_paused_campaign(alice: Client) -> None:
    running, paused = drafted(alice), drafted(alice)
    for campaign in (running, paused):
        alice.patch(f"/v1/campaigns/{campaign}", {"schedule": {"ends_at": in_(seconds=1)}}).ok()
        move(alice, campaign, "launch").ok()
    move(alice, paused, "pause").ok()

    for campaign in (running, paused):
        wait_until(lambda campaign=campaign: status_of(alice, campaign) == "completed")  # type: ignore[misc]
        last = history_of(alice, campaign)[-1]
        assert last["event"] == "campaign.completed"
        assert last["by"] != history_of(alice, campaign)[0]["by"]


def _sleeps(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "T"
