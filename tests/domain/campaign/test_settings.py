"""What a client writes is read whole, with every fault at once and by its pointer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.campaign.campaign import Campaign
from domain.campaign.settings import read_new, read_settings
from domain.shared.errors import Invalid
from tests.examples.campaigns import ALICE, AUTUMN, NOON, autumn_email, minimal

LONE_SURROGATE = "\ud800"


def faults_of(document: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as refusal:
        read_settings(document)
    return {fault.pointer: fault.code for fault in refusal.value.faults}


@pytest.mark.req("CAM-1", "CAM-2")
def test_what_was_written_is_answered_with_times_in_utc() -> None:
    document = read_settings(autumn_email()).document()

    assert document == autumn_email() | {
        "schedule": {
            "starts_at": "2026-12-01T08:00:00.000000Z",
            "ends_at": "2026-12-15T08:00:00.000000Z",
            "time_zone": "Europe/Paris",
        }
    }
    assert read_settings(document).document() == document


def test_what_is_left_out_has_its_default() -> None:
    assert read_settings(minimal()).document() == minimal() | {
        "description": None,
        "platforms": [],
        "content": {},
        "audience": {"kind": "all", "segment_ids": [], "exclude_segment_ids": []},
        "currency": "USD",
        "budget": None,
        "goals": {},
        "schedule": {"starts_at": None, "ends_at": None, "time_zone": "UTC"},
        "tags": [],
    }


@pytest.mark.req("CAM-2")
@pytest.mark.parametrize("type", ["ppv", "subscription", "promotion", "engagement", "retention"])
@pytest.mark.parametrize("delivery", ["broadcast", "drip", "automation", "ab_test"])
def test_every_type_goes_with_every_delivery(type: str, delivery: str) -> None:
    settings = read_settings(minimal() | {"type": type, "delivery": delivery})

    assert (settings.type, settings.delivery) == (type, delivery)


def test_every_fault_is_named_at_once() -> None:
    assert faults_of(
        {
            "name": "",
            "type": "sale",
            "platforms": ["email", "fax", 3],
            "content": {
                "default": {"body": "a\0b", "cta": "https://a.example", "media": [{"alt": "no address"}, 5]},
                "fax": {},
                "sms": {"price": {"amount": 1, "currency": "EUR"}},
            },
            "budget": {"amount": -1, "currency": "USD"},
            "goals": {"conversions": 0, "revenue": {"amount": 1.5, "currency": "USD"}, "engagement": True},
            "schedule": {"starts_at": "2026-12-01T09:00:00", "ends_at": 5, "time_zone": "Europe/Atlantis"},
            "tags": ["", "x" * 65, None],
            "colour/tilde~": "red",
        }
    ) == {
        "/name": "too_short",
        "/type": "choice",
        "/delivery": "required",
        "/platforms/1": "choice",
        "/platforms/2": "choice",
        "/content/default/body": "nul",
        "/content/default/cta": "object",
        "/content/default/media/0/url": "required",
        "/content/default/media/1": "object",
        "/content/fax": "unknown_field",
        "/content/sms/price/currency": "other_currency",
        "/budget/amount": "range",
        "/goals/conversions": "range",
        "/goals/revenue/amount": "integer",
        "/goals/engagement": "integer",
        "/schedule/starts_at": "time",
        "/schedule/ends_at": "time",
        "/schedule/time_zone": "time_zone",
        "/tags/0": "too_short",
        "/tags/1": "too_long",
        "/tags/2": "required",
        "/colour~1tilde~0": "unknown_field",
    }


@pytest.mark.parametrize(
    "document",
    [None, [], "text", 5, True, [minimal()]],
    ids=["null", "array", "text", "number", "true", "list"],
)
def test_what_is_no_object_is_refused(document: Any) -> None:
    assert faults_of(document) == {"": "object"}


@pytest.mark.parametrize(
    ("reserved", "pointer"),
    [
        ({"audience": {"kind": "segments"}}, "/audience/kind"),
        ({"audience": {"kind": "contacts"}}, "/audience/kind"),
        ({"audience": {"kind": "all", "segment_ids": [str(AUTUMN)]}}, "/audience/segment_ids"),
        ({"audience": {"exclude_segment_ids": [str(AUTUMN)]}}, "/audience/exclude_segment_ids"),
        ({"message": {"type": "text"}}, "/message"),
        ({"schedule": {"frequency": "daily"}}, "/schedule/frequency"),
        ({"schedule": {"delivery_time": "09:00"}}, "/schedule/delivery_time"),
        ({"tracking_url": "https://a.example"}, "/tracking_url"),
        ({"webhook_url": "https://a.example"}, "/webhook_url"),
        ({"allocation": {}}, "/allocation"),
        ({"accounts": []}, "/accounts"),
    ],
)
def test_a_reserved_field_is_refused_by_name(reserved: dict[str, Any], pointer: str) -> None:
    assert faults_of(minimal() | reserved) == {pointer: "reserved"}


@pytest.mark.parametrize("field", ["status", "version", "id", "created_by", "progress", "spent"])
def test_what_the_product_says_can_not_be_written(field: str) -> None:
    assert faults_of(minimal() | {field: "x"}) == {f"/{field}": "unknown_field"}


def test_a_text_that_can_not_be_stored_is_refused() -> None:
    assert faults_of(minimal() | {"name": LONE_SURROGATE}) == {"/name": "surrogate"}
    assert faults_of(minimal() | {"tags": ["a\0"]}) == {"/tags/0": "nul"}
    assert faults_of(minimal() | {LONE_SURROGATE: 1}) == {"/?": "unknown_field"}


def test_lengths_are_those_of_the_api() -> None:
    assert read_settings(minimal() | {"name": "n" * 200}).name == "n" * 200
    assert faults_of(minimal() | {"name": "n" * 201}) == {"/name": "too_long"}


def test_platforms_and_tags_are_sets_in_the_order_of_writing() -> None:
    settings = read_settings(minimal() | {"platforms": ["x", "email", "x"], "tags": ["b", "a", "b"]})

    assert settings.platforms == ("x", "email")
    assert settings.tags == ("b", "a")


def test_the_currency_is_the_one_named_else_that_of_the_budget_else_dollars() -> None:
    yen = {"budget": {"amount": 5000, "currency": "JPY"}}

    assert read_settings(minimal()).currency == "USD"
    assert read_settings(minimal() | yen).currency == "JPY"
    assert read_settings(minimal() | {"currency": "KWD"}).currency == "KWD"


def test_every_money_has_the_currency_of_the_campaign() -> None:
    euros = {"amount": 1, "currency": "EUR"}

    assert faults_of(minimal() | {"currency": "USD", "budget": euros}) == {
        "/budget/currency": "other_currency"
    }
    assert faults_of(minimal() | {"goals": {"revenue": euros}}) == {
        "/goals/revenue/currency": "other_currency"
    }


@pytest.mark.parametrize("currency", ["usd", "XXX", "BTC", 840, "", ["USD"]])
def test_a_currency_that_is_none_is_named_once(currency: Any) -> None:
    assert faults_of(
        minimal() | {"currency": currency, "goals": {"revenue": {"amount": 1, "currency": "EUR"}}}
    ) == {"/currency": "currency"}
    assert faults_of(minimal() | {"budget": {"amount": 1, "currency": currency}}) == {
        "/budget/currency": "currency"
    }


@pytest.mark.req("CAM-1")
def test_the_client_may_give_the_id_and_a_wrong_one_is_refused_with_the_rest() -> None:
    named, _ = read_new(minimal() | {"id": "01935000-0000-7000-8000-00000000000a"})
    given = Campaign.draft(minimal() | {"id": str(named)}, id=AUTUMN, by=ALICE, at=NOON)

    assert given.id == named == UUID("01935000-0000-7000-8000-00000000000a")
    for wrong in ("5", 5, "01935000000070008000000000000001", [str(AUTUMN)]):
        with pytest.raises(Invalid) as refusal:
            read_new({"id": wrong, "name": "n", "type": "ppv"})
        assert [fault.pointer for fault in refusal.value.faults] == ["/id", "/delivery"]
