"""Nobody gets in without a key, and nothing crosses from one workspace to another, on any route there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.journeys.conftest import Whole
from tests.support.campaigns import a_document, drafted
from tests.support.client import Answer, Client, conditions

OPEN = {"/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json"}
METHODS = ("get", "post", "put", "patch", "delete")
SAFE_BODIES: dict[str, Any] = {
    "/v1/track": {"id": "wall", "kind": "click", "campaign_id": "{id}"},
    "/v1/track/batch": {"facts": [{"id": "wall", "kind": "click", "campaign_id": "{id}"}]},
    "/v1/campaigns/bulk": {"move": "archive", "ids": ["{id}"]},
    "/v1/campaigns": {"name": "Mine", "type": "promotion", "delivery": "broadcast"},
}


def operations(client: Client) -> Iterator[tuple[str, str]]:
    """Every method and path that the reference names."""
    for path, item in client.get("/openapi.json").ok().body["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path


def asked(client: Client, method: str, path: str, id: str, headers: dict[str, str] | None = None) -> Answer:
    """One operation with ``id`` wherever an id is wanted."""
    body = json.loads(json.dumps(SAFE_BODIES.get(path, {})).replace("{id}", id))
    for part in [part for part in path.split("/") if part.startswith("{")]:
        path = path.replace(part, id)
    if path.endswith("/assignment"):
        path += "?contact_id=somebody"
    return client.call(method, path, None if method == "GET" else body, headers=headers)


@pytest.mark.req("TEA-1", "TEA-2")
@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic b3duZXI6b3duZXI=", "Bearer " + "x" * 5000,
        "Bearer bh_' or '1'='1", "bh_only", "Bearer \xe9\xff",
    ],
)  # fmt: skip
def test_without_a_valid_key_every_route_answers_401(alice: Client, authorization: str | None) -> None:
    nobody = Client(alice.url, None)
    campaign = drafted(alice)
    headers = {} if authorization is None else {"Authorization": authorization}
    checked = 0
    for method, path in operations(alice):
        if path in OPEN:
            continue

        answer = asked(nobody, method, path, campaign, headers)

        assert (method, path, answer.status) == (method, path, 401)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"
        checked += 1
    assert checked > 20
    assert alice.get(f"/v1/campaigns/{campaign}").version == 1


def test_the_routes_that_are_open_say_nothing_of_anybodys_campaigns(alice: Client) -> None:
    campaign = drafted(alice, name="Nobody shall read this")
    nobody = Client(alice.url, None)
    for path in sorted(OPEN):
        answer = nobody.get(path)
        assert (path, answer.status) == (path, 200)
        assert b"Nobody shall" not in answer.content
        assert campaign.encode() not in answer.content


@pytest.mark.req("TEA-1")
def test_another_workspaces_campaign_does_not_exist_on_any_route(alice: Client, stranger: Client) -> None:
    campaign = drafted(alice, name="Secret autumn")
    token = alice.track({"kind": "click", "campaign_id": campaign, "contact_id": "c"}).body["position"]
    alice.get(f"/v1/campaigns/{campaign}/metrics", after=token).ok()
    before = alice.get(f"/v1/campaigns/{campaign}").ok().content
    nowhere = str(uuid4())
    checked = 0
    for method, path in operations(alice):
        if "{id}" not in path:
            continue

        theirs = asked(stranger, method, path, campaign)
        nobodys = asked(stranger, method, path, nowhere)

        assert (method, path, theirs.status) == (method, path, 404)
        assert theirs.content.replace(campaign.encode(), nowhere.encode()) == nobodys.content
        checked += 1
    assert checked > 15
    assert alice.get(f"/v1/campaigns/{campaign}").ok().content == before


@pytest.mark.req("TEA-1")
def test_what_takes_ids_in_a_body_or_a_query_finds_none_of_another_workspaces(alice: Client, stranger: Client) -> None:
    campaign = drafted(alice, name="Secret autumn")
    token = alice.track({"kind": "click", "campaign_id": campaign, "contact_id": "c"}).body["position"]
    alice.get("/v1/facts", campaign_id=campaign, after=token).ok()

    single = asked(stranger, "POST", "/v1/track", campaign)
    batch = asked(stranger, "POST", "/v1/track/batch", campaign).ok()
    bulk = asked(stranger, "POST", "/v1/campaigns/bulk", campaign).ok()
    facts = stranger.get("/v1/facts", campaign_id=campaign)
    void = stranger.post(
        "/v1/track/batch", {"facts": [{"id": "v", "kind": "void", "campaign_id": campaign, "voids": "x"}]}
    )

    assert single.status == 422
    assert [fault["pointer"] for fault in single.body["errors"]] == ["/campaign_id"]
    assert batch.body["rejected"][0]["errors"][0]["pointer"] == "/facts/0/campaign_id"
    assert void.ok().body["accepted"] == 0
    assert [result["status"] for result in bulk.body["results"]] == [404]
    assert facts.status == 404
    for path in ("/v1/campaigns", "/v1/facts", "/v1/projections", "/v1/rules"):
        answer = stranger.get(path).ok()
        assert campaign.encode() not in answer.content
        assert b"Secret" not in answer.content
    assert stranger.get("/v1/campaigns", text="Secret", deleted="true").body["items"] == []


def test_one_id_of_a_fact_and_of_an_order_counts_in_each_workspace(alice: Client, stranger: Client) -> None:
    for user in (alice, stranger):
        campaign = drafted(user)
        sold = {
            "id": "sale-1", "kind": "conversion", "campaign_id": campaign, "order_id": "order-1",
            "value": {"amount": 5, "currency": "USD"},
        }  # fmt: skip
        token = user.track(sold).body["position"]
        assert user.get(f"/v1/campaigns/{campaign}/metrics", after=token).ok().body["total"]["conversions"] == 1


@pytest.mark.req("TEA-1")
def test_an_idempotency_key_of_one_workspace_says_nothing_in_another(alice: Client, stranger: Client) -> None:
    campaign = drafted(alice)
    alice.post(f"/v1/campaigns/{campaign}/launch", key="launch").ok()

    answer = stranger.call("POST", f"/v1/campaigns/{campaign}/launch", headers=conditions("launch"))

    assert answer.status == 404
    assert not answer.replayed


def test_the_workspace_is_never_taken_from_a_body(alice: Client, stranger: Client) -> None:
    for name in ("workspace", "workspace_id", "created_by", "status", "version", "deleted_at"):
        answer = alice.post("/v1/campaigns", a_document(**{name: "x"}))
        assert (name, answer.status) == (name, 422)
        assert [fault["pointer"] for fault in answer.body["errors"]] == [f"/{name}"]


def test_keys_of_one_workspace_share_it(whole: Whole) -> None:
    first, second = whole.client("shared house"), whole.client("shared house")
    campaign = drafted(first)

    assert second.get(f"/v1/campaigns/{campaign}").ok().body["id"] == campaign
