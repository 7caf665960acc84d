"""Merge patches, duplicates and the history, against plain Python."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from tests.support.campaigns import a_document, campaign_in, drafted, history_of, move
from tests.support.client import Client

SEED = 7396
FULL = a_document(
    description="For everyone",
    platforms=["email", "instagram"],
    content={
        "default": {
            "subject": "New", "body": "Come.", "cta": {"label": "Shop", "url": "https://shop.example/"},
            "media": ["https://shop.example/a.jpg"],
        },
        "instagram": {"body": "New!"},
    },
    goals={"conversions": 10, "revenue": {"amount": 1000, "currency": "USD"}, "engagement": 5},
    schedule={"starts_at": "2198-01-01T00:00:00+01:00", "ends_at": "2199-01-01T00:00:00Z", "time_zone": "Europe/Paris"},
    tags=["a", "b"],
)  # fmt: skip
PATCHES: list[dict[str, Any]] = [
    {"name": "Another"}, {"description": None}, {"description": "Again"}, {"tags": ["c"]}, {"tags": []}, {"tags": None},
    {"platforms": ["sms"]}, {"content": {"instagram": None}}, {"content": {"instagram": {"body": "B"}}},
    {"content": {"default": {"cta": None}}}, {"content": {"default": {"media": []}}},
    {"content": {"default": {"cta": {"label": "L", "url": "https://x.example/"}}}},
    {"content": {"default": {"media": ["https://x.example/m.png"]}}},
    {"content": {"sms": {"body": "S"}}}, {"goals": {"conversions": None}},
    {"goals": {"conversions": 3}}, {"goals": None},
    {"goals": {"revenue": {"amount": 5, "currency": "USD"}}}, {"budget": None},
    {"budget": {"amount": 7, "currency": "USD"}},
    {"schedule": {"ends_at": None}}, {"schedule": {"starts_at": "2197-06-01T12:00:00+05:30"}},
    {"type": "ppv", "delivery": "drip"}, {"content": None}, {"content": {"default": {"subject": "S", "body": "B"}}}, {},
]  # fmt: skip


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def without_empties(document: Any) -> Any:
    """A document without what is null or empty: absent, null and empty are the same to a reader."""
    if isinstance(document, dict):
        kept = {name: without_empties(value) for name, value in document.items()}
        return {name: value for name, value in kept.items() if value not in (None, {}, [])}
    return document


def settings_of(campaign: dict[str, Any]) -> Any:
    """What its people wrote, as answered."""
    names = ("name", "description", "type", "delivery", "platforms", "content", "budget", "goals", "schedule", "tags")
    return without_empties({name: campaign[name] for name in names})


def as_answered(document: dict[str, Any]) -> Any:
    """The same of what was written: times in UTC, the time zone's default filled in."""
    document = copy.deepcopy(document)
    schedule = document.setdefault("schedule", {})
    for name, time in list(schedule.items()):
        if name != "time_zone" and time is not None:
            schedule[name] = _UTC[time]
    schedule.setdefault("time_zone", "UTC")
    for name in ("audience", "currency"):
        document.pop(name, None)
    return without_empties(document)


_UTC = {
    "2198-01-01T00:00:00+01:00": "2197-12-31T23:00:00.000000Z",
    "2199-01-01T00:00:00Z": "2199-01-01T00:00:00.000000Z",
    "2197-06-01T12:00:00+05:30": "2197-06-01T06:30:00.000000Z",
}


@pytest.mark.req("CAM-1")
def test_merge_patches_do_what_the_standard_says(alice: Client) -> None:
    print(f"seed {SEED}")
    choose = random.Random(SEED)
    for _ in range(10):
        campaign, expected = drafted(alice, **FULL), dict(FULL)
        for patch in choose.sample(PATCHES, 12):
            expected = merged(expected, patch)
            media = choose.choice(["application/json", "application/merge-patch+json"])

            answer = alice.call("PATCH", f"/v1/campaigns/{campaign}", patch, headers={"Content-Type": media}).ok()

            assert settings_of(answer.body) == as_answered(expected)
        assert settings_of(alice.get(f"/v1/campaigns/{campaign}").ok().body) == as_answered(expected)


@pytest.mark.req("CAM-1")
@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"name": None}, "/name"), ({"name": ""}, "/name"), ({"name": "x" * 201}, "/name"), ({"name": 7}, "/name"),
        ({"type": None}, "/type"), ({"type": "party"}, "/type"), ({"colour": "red"}, "/colour"),
        ({"status": "active"}, "/status"), ({"version": 7}, "/version"), ({"id": "x"}, "/id"),
        ({"budget": {"amount": 1.5, "currency": "USD"}}, "/budget/amount"),
        ({"budget": {"amount": -1, "currency": "USD"}}, "/budget/amount"),
        ({"budget": {"amount": 1, "currency": "EUR"}}, "/budget/currency"),
        ({"goals": {"conversions": "many"}}, "/goals/conversions"), ({"tags": ["a", 7]}, "/tags/1"),
        ({"platforms": ["email", "pigeon"]}, "/platforms/1"), ({"message": {"type": "text"}}, "/message"),
        ({"audience": {"kind": "segments"}}, "/audience/kind"), ({"tracking_url": "https://x"}, "/tracking_url"),
        ({"schedule": {"frequency": "daily"}}, "/schedule/frequency"), ({"accounts": []}, "/accounts"),
        ({"schedule": {"ends_at": "tomorrow"}}, "/schedule/ends_at"), ({"name": "a\0b"}, "/name"),
    ],
)  # fmt: skip
def test_a_patch_that_is_not_valid_is_refused_by_name_and_changes_nothing(
    alice: Client, patch: dict[str, Any], pointer: str
) -> None:
    campaign = drafted(alice)

    answer = alice.patch(f"/v1/campaigns/{campaign}", patch)

    assert answer.status == 422
    assert pointer in [fault["pointer"] for fault in answer.body["errors"]]
    assert alice.get(f"/v1/campaigns/{campaign}").version == 1


def test_every_fault_of_a_document_is_named_at_once(alice: Client) -> None:
    answer = alice.post("/v1/campaigns", {"type": "x", "budget": {"amount": "1"}, "tags": 7, "colour": 1})

    assert answer.status == 422
    assert {fault["pointer"] for fault in answer.body["errors"]} >= {
        "/name", "/type", "/delivery", "/budget/amount", "/budget/currency", "/tags", "/colour",
    }  # fmt: skip


@pytest.mark.req("CAM-1")
def test_what_an_archived_campaign_locks_is_named(alice: Client) -> None:
    campaign = campaign_in(alice, "archived")

    locked = alice.patch(f"/v1/campaigns/{campaign}", {"name": "Other"}).ok(409).body
    nothing = alice.patch(f"/v1/campaigns/{campaign}", {}).ok(409).body

    assert [fault["pointer"] for fault in locked["errors"]] == ["/name"]
    assert (locked["allowed"], nothing["allowed"]) == (["unarchive"], ["unarchive"])


def test_the_currency_is_fixed_at_creation(alice: Client) -> None:
    campaign = drafted(alice)

    assert alice.patch(f"/v1/campaigns/{campaign}", {"currency": "EUR"}).status in (409, 422)
    assert alice.post("/v1/campaigns", {**a_document(budget=None), "currency": None}).body["currency"] == "USD"
    euros = a_document(budget={"amount": 1, "currency": "EUR"})
    del euros["currency"]
    assert alice.post("/v1/campaigns", euros).ok(201).body["currency"] == "EUR"


@pytest.mark.req("CAM-5")
@pytest.mark.parametrize("status", ["draft", "scheduled", "active", "paused", "completed", "cancelled", "archived"])
def test_a_duplicate_is_a_draft_with_the_same_settings_and_its_changes(alice: Client, status: str) -> None:
    campaign = campaign_in(alice, status, **{name: FULL[name] for name in ("content", "goals", "tags", "platforms")})
    source = alice.get(f"/v1/campaigns/{campaign}").ok().body

    copy_ = alice.post(f"/v1/campaigns/{campaign}/duplicate", {"name": "Copy", "tags": None}).ok(201)
    plain = alice.post(f"/v1/campaigns/{campaign}/duplicate").ok(201)

    assert (copy_.body["status"], copy_.body["version"], copy_.body["name"]) == ("draft", 1, "Copy")
    expected = settings_of(source) | {"name": "Copy"}
    expected.pop("tags")
    assert settings_of(copy_.body) == expected
    assert settings_of(plain.body) == settings_of(source)
    assert copy_.body["id"] not in (campaign, plain.body["id"])
    assert copy_.headers["location"] == f"/v1/campaigns/{copy_.body['id']}"


def test_a_deleted_campaign_cannot_be_duplicated(alice: Client) -> None:
    campaign = campaign_in(alice, "deleted")

    assert alice.post(f"/v1/campaigns/{campaign}/duplicate").status == 409


@pytest.mark.req("EVT-1")
def test_the_history_names_actor_cause_correlation_and_what_changed(alice: Client) -> None:
    campaign = drafted(alice)
    patched = alice.call(
        "PATCH", f"/v1/campaigns/{campaign}", {"name": "Renamed", "tags": ["x"]},
        headers={"X-Request-Id": "rename-it"},
    ).ok()  # fmt: skip
    move(alice, campaign, "launch").ok()

    events = history_of(alice, campaign)

    assert [event["event"] for event in events] == ["campaign.drafted", "campaign.changed", "campaign.launched"]
    assert [event["version"] for event in events] == [1, 2, 3]
    assert all(event["by"] == patched.body["created_by"] for event in events)
    assert all(event["text"] and event["recorded_at"] and event["correlation"] for event in events)
    assert events[1]["correlation"] == "rename-it"
    assert "causation" in events[1]
    changes = {change["pointer"]: (change["from"], change["to"]) for change in events[1]["changes"]}
    assert changes == {"/name": ("Autumn e-mail", "Renamed"), "/tags": ([], ["x"])}


def test_the_history_has_pages_that_stay_complete_while_it_grows(alice: Client) -> None:
    campaign = drafted(alice)
    for number in range(12):
        alice.patch(f"/v1/campaigns/{campaign}", {"tags": [str(number)]}).ok()

    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = alice.get(f"/v1/campaigns/{campaign}/history", limit=5, **cursor).ok().body
        seen += [event["version"] for event in page["items"]]
        alice.patch(f"/v1/campaigns/{campaign}", {"tags": [f"more {len(seen)}"]}).ok()
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}

    assert seen == list(range(13, 0, -1))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"nul", 400), (b"[]", 422), (b"7", 422), (b'"x"', 422), (b"\xff", 400),
        (b'{"name":NaN}', 400), (b"[" * 20 + b"]" * 20, 400), (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400),
        (b'{"name":"' + b"x" * (9 << 20) + b'"}', 413),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_refused_whole(alice: Client, body: bytes, status: int) -> None:
    answer = alice.call("POST", "/v1/campaigns", body)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
