"""A campaign and its figures as of a version, a time or a token: what was true then, to the microsecond."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.journeys.conftest import Whole
from tests.support.campaigns import drafted, history_of, in_
from tests.support.client import Client

SEED = 5150
CAMPAIGNS = 8
CHANGES = 40


@pytest.fixture(scope="module")
def busy(whole: Whole) -> Client:
    """A workspace whose campaigns were changed again and again, at the same time."""
    return whole.client()


@pytest.fixture(scope="module")
def stories(busy: Client) -> dict[str, list[dict[str, Any]]]:
    """Each campaign with its events, oldest first. Version n has the tag n."""

    def change(number: int) -> str:
        campaign = drafted(busy, name=f"Campaign {number}", tags=["1"])
        for version in range(2, CHANGES + 1):
            busy.patch(f"/v1/campaigns/{campaign}", {"tags": [str(version)]}).ok()
        return campaign

    with ThreadPoolExecutor(CAMPAIGNS) as many:
        return {campaign: history_of(busy, campaign) for campaign in many.map(change, range(CAMPAIGNS))}


def a_microsecond_before(time: str) -> str:
    """The moment before, as a client writes it."""
    return (datetime.fromisoformat(time) - timedelta(microseconds=1)).isoformat()


@pytest.mark.req("EVT-5")
def test_a_version_its_time_and_a_microsecond_before_are_n_n_and_one_less(
    busy: Client, stories: dict[str, list[dict[str, Any]]]
) -> None:
    print(f"seed {SEED}")
    choose = random.Random(SEED)
    for _ in range(200):
        campaign = choose.choice(sorted(stories))
        n = choose.randint(1, CHANGES)
        time = stories[campaign][n - 1]["recorded_at"]

        by_version = busy.get(f"/v1/campaigns/{campaign}", as_of=n).ok().body
        by_time = busy.get(f"/v1/campaigns/{campaign}", as_of=time).ok().body
        before = busy.get(f"/v1/campaigns/{campaign}", as_of=a_microsecond_before(time))

        assert (by_version["version"], by_version["tags"]) == (n, [str(n)])
        assert by_time == by_version
        if n == 1:
            assert before.status == 404
        else:
            assert (before.ok().body["version"], before.body["tags"]) == (n - 1, [str(n - 1)])


def test_a_moment_may_have_any_offset_and_a_space_for_its_plus(
    busy: Client, stories: dict[str, list[dict[str, Any]]]
) -> None:
    campaign, events = next(iter(stories.items()))
    time = datetime.fromisoformat(events[6]["recorded_at"])
    local = (time + timedelta(hours=5, minutes=30)).replace(tzinfo=None).isoformat() + "+05:30"

    sent_raw = busy.call("GET", f"/v1/campaigns/{campaign}?as_of={local}")

    assert sent_raw.ok().body["version"] == 7


def test_a_token_names_the_moment_of_its_answer(alice: Client) -> None:
    campaign = drafted(alice)
    token = alice.patch(f"/v1/campaigns/{campaign}", {"name": "Second"}).ok().position
    alice.patch(f"/v1/campaigns/{campaign}", {"name": "Third"}).ok()

    assert alice.get(f"/v1/campaigns/{campaign}", as_of=token).ok().body["name"] == "Second"


@pytest.mark.req("EVT-5")
def test_before_it_existed_is_404_and_ahead_of_now_is_422(alice: Client) -> None:
    campaign = drafted(alice)
    for path in ("", "/metrics", "/funnel", "/roi"):
        url = f"/v1/campaigns/{campaign}{path}"
        assert alice.get(url, as_of="2020-01-01T00:00:00Z").status == 404
        assert alice.get(url, as_of=in_(hours=1)).status == 422
        assert alice.get(url, as_of="yesterday").status == 422
    assert alice.get(f"/v1/campaigns/{campaign}", as_of="2").status == 422
    assert alice.get(f"/v1/campaigns/{campaign}", as_of="0").status in (404, 422)


def test_elsewhere_it_is_refused_by_name(alice: Client) -> None:
    campaign = drafted(alice)
    for path in ("/v1/campaigns", f"/v1/campaigns/{campaign}/history", "/v1/facts"):
        answer = alice.get(path, as_of="2026-01-01T00:00:00Z")
        assert (path, answer.status) == (path, 422)
        assert [fault["pointer"] for fault in answer.body["errors"]] == ["/as_of"]


@pytest.mark.req("EVT-5")
def test_figures_as_of_a_past_answer_are_those_that_were_known_then(alice: Client) -> None:
    campaign = drafted(alice)
    known: list[tuple[str, int, int]] = []
    for number in range(1, 11):
        token = alice.track(
            {
                "kind": "click",
                "campaign_id": campaign,
                "contact_id": f"c{number}",
                "occurred_at": in_(days=-number),
            },
            {"kind": "conversion", "campaign_id": campaign, "value": {"amount": 100, "currency": "USD"}},
        ).body["position"]
        known.append((token, number, number * 100))

    for token, clicks, revenue in known:
        total = alice.get(f"/v1/campaigns/{campaign}/metrics", as_of=token).ok().body["total"]
        funnel = alice.get(f"/v1/campaigns/{campaign}/funnel", stages="click", as_of=token).ok().body
        roi = alice.get(f"/v1/campaigns/{campaign}/roi", as_of=token).ok().body
        assert (total["clicks"], total["revenue"], total["unique_clicks"]) == (clicks, revenue, clicks)
        assert funnel["stages"][0]["count"] == clicks
        assert roi["revenue"] == revenue


def test_recorded_times_never_run_backwards_over_the_whole_workspace(
    stories: dict[str, list[dict[str, Any]]],
) -> None:
    times = [event["recorded_at"] for events in stories.values() for event in events]

    assert len(set(times)) == len(times)
    for events in stories.values():
        assert [event["recorded_at"] for event in events] == sorted(event["recorded_at"] for event in events)
