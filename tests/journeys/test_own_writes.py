"""What I wrote I can read: with the token of the answer, never stale; and a token is mine alone."""

from __future__ import annotations

import random
import string
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.support.campaigns import drafted, in_
from tests.support.client import Client
from tests.support.server import Product

TIMES = 1000
WRITERS = 4
SEED = 99


@pytest.mark.req("EVT-9")
def test_a_thousand_times_what_was_written_is_read(alice: Client) -> None:
    print(f"seed {SEED}")

    def write_and_read(writer: int) -> int:
        choose = random.Random(SEED + writer)
        campaign = drafted(alice)
        clicks = 0
        for number in range(TIMES // WRITERS):
            if choose.random() < 0.5:
                fact = {
                    "id": str(uuid4()),
                    "kind": "click",
                    "campaign_id": campaign,
                    "quantity": 1 + number % 3,
                }
                token = alice.post("/v1/track", fact).ok().body["position"]
                clicks += 1 + number % 3
                shown = alice.get(f"/v1/campaigns/{campaign}/metrics", after=token).ok().body["total"]["clicks"]
                assert shown == clicks
            else:
                name = f"Campaign {writer} {number}"
                token = alice.patch(f"/v1/campaigns/{campaign}", {"name": name}).ok().position
                items = alice.get("/v1/campaigns", limit=200, after=token).ok().body["items"]
                assert {item["id"]: item["name"] for item in items}[campaign] == name
        return TIMES // WRITERS

    with ThreadPoolExecutor(WRITERS) as writers:
        assert sum(writers.map(write_and_read, range(WRITERS))) == TIMES


@pytest.mark.req("EVT-9")
def test_every_read_that_waits_waits_for_the_write_before(alice: Client) -> None:
    campaign = drafted(alice, goals={"conversions": 10})
    token = alice.track(
        {"kind": "click", "campaign_id": campaign, "contact_id": "c"},
        {
            "kind": "conversion",
            "campaign_id": campaign,
            "contact_id": "c",
            "value": {"amount": 5, "currency": "USD"},
        },
    ).body["position"]

    funnel = alice.get(f"/v1/campaigns/{campaign}/funnel", stages="click,conversion", after=token).ok().body
    roi = alice.get(f"/v1/campaigns/{campaign}/roi", after=token).ok().body
    facts = alice.get("/v1/facts", campaign_id=campaign, after=token).ok().body
    itself = alice.get(f"/v1/campaigns/{campaign}", after=token).ok().body

    assert [stage["count"] for stage in funnel["stages"]] == [1, 1]
    assert roi["revenue"] == 5
    assert len(facts["items"]) == 2
    assert itself["progress"]["conversions"]["reached"] == 1


def test_every_answer_carries_a_token_of_plain_letters(alice: Client) -> None:
    campaign = drafted(alice)
    tokens = [
        alice.get(path).ok().position
        for path in (
            f"/v1/campaigns/{campaign}", "/v1/campaigns", f"/v1/campaigns/{campaign}/metrics", "/v1/facts",
            f"/v1/campaigns/{campaign}/history", f"/v1/campaigns/{campaign}/readiness",
        )
    ]  # fmt: skip
    assert set("".join(tokens)) <= set(string.ascii_letters + string.digits + "-_.~")


@pytest.mark.req("EVT-9")
def test_a_broken_token_and_another_workspaces_are_refused_everywhere(alice: Client, stranger: Client) -> None:
    campaign = drafted(alice)
    theirs = stranger.track({"kind": "click", "campaign_id": drafted(stranger)}).body["position"]
    mine = alice.get(f"/v1/campaigns/{campaign}").position
    turned = mine[:-3] + ("AAA" if not mine.endswith("AAA") else "BBB")
    for path in (
        f"/v1/campaigns/{campaign}", "/v1/campaigns", f"/v1/campaigns/{campaign}/metrics", "/v1/facts",
        f"/v1/campaigns/{campaign}/funnel", f"/v1/campaigns/{campaign}/roi",
        f"/v1/campaigns/{campaign}/history", f"/v1/campaigns/{campaign}/readiness",
    ):  # fmt: skip
        for token in ("garbage", "", turned, theirs, "2026-01-01T00:00:00Z", "\0", "é"):
            answer = alice.get(path, after=token)
            assert (path, token, answer.status) == (path, token, 422)
            assert answer.headers["content-type"] == "application/problem+json"
    for wait in ("31", "-1", "x", "nan"):
        assert alice.get("/v1/campaigns", after=mine, wait=wait).status == 422


@pytest.mark.req("EVT-9")
def test_past_the_wait_it_says_when_to_come_again(apart: Product) -> None:
    alice = apart.client(apart.api())  # and no projector
    campaign = drafted(alice)
    token = alice.track({"kind": "click", "campaign_id": campaign, "occurred_at": in_(hours=-1)}).body["position"]

    answer = alice.get(f"/v1/campaigns/{campaign}/metrics", after=token, wait="0.3")

    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
