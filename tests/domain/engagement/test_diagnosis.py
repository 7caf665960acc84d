"""Everything that is wrong with a fact is said at once, with its place and its mend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.engagement.diagnosis import MOST_FAULTS, faults_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CAMPAIGN = "01931f7a-7d3c-7c4e-9a51-2f1f5a3b8c10"
USD = {"currency": "USD"}


def a_fact(**changes: Any) -> dict[str, Any]:
    """A click with changes; None takes a field out."""
    fact = {"id": "f-1", "kind": "click", "campaign_id": CAMPAIGN, **changes}
    return {name: value for name, value in fact.items() if value is not None}


def told(document: Any, *, known: bool = True) -> set[tuple[str, str]]:
    """Pointers and codes."""
    return {(fault.pointer, fault.code) for fault in faults_of(document, "", NOW, "USD" if known else None, known)}


@pytest.mark.parametrize(
    "fact",
    [
        a_fact(),
        a_fact(occurred_at="2000-01-01T00:00:00Z", contact_id="c", variant="a", link="/x", quantity=1),
        a_fact(kind="impression", quantity=10**9),
        a_fact(kind="conversion", value={"amount": 0, **USD}, type="purchase", order_id="o-1"),
        a_fact(kind="refund", value={"amount": 10**12, **USD}, order_id="o-1"),
        a_fact(kind="spend", value={"amount_micros": 1, **USD}),
        a_fact(kind="custom", name="search"),
        a_fact(kind="void", voids="f-0"),
        a_fact(properties={"user_agent": "x", "n": 1.5, "b": True, "z": None}),
        a_fact(value={"amount": 5, **USD}),
        {**a_fact(), "variant": None, "value": None, "properties": None},
    ],
)
def test_a_right_fact_has_no_faults(fact: dict[str, Any]) -> None:
    assert told(fact) == set()


@pytest.mark.parametrize(
    ("fact", "pointer", "code"),
    [
        ("text", "", "object"),
        (a_fact(id=None), "/id", "required"),
        (a_fact(id=""), "/id", "too_short"),
        (a_fact(id="x" * 129), "/id", "too_long"),
        (a_fact(id=7), "/id", "string"),
        (a_fact(id="a\0b"), "/id", "nul"),
        (a_fact(id="a\ud800"), "/id", "surrogate"),
        (a_fact(id="jane@example.com"), "/id", "email"),
        (a_fact(kind="view"), "/kind", "choice"),
        (a_fact(kind=["click"]), "/kind", "choice"),
        (a_fact(campaign_id="17"), "/campaign_id", "uuid"),
        (a_fact(campaign_id=17), "/campaign_id", "uuid"),
        (a_fact(occurred_at="infinity"), "/occurred_at", "time"),
        (a_fact(occurred_at="now"), "/occurred_at", "time"),
        (a_fact(occurred_at="2026-11-20T12:00:00"), "/occurred_at", "time"),
        (a_fact(occurred_at=1763640000), "/occurred_at", "time"),
        (a_fact(occurred_at="1999-12-31T23:59:59Z"), "/occurred_at", "range"),
        (a_fact(occurred_at="2026-11-21T12:00:00.000001Z"), "/occurred_at", "range"),
        (a_fact(contact_id="jane@example.com"), "/contact_id", "personal"),
        (a_fact(contact_id="+4915112345678"), "/contact_id", "personal"),
        (a_fact(contact_id="x" * 129), "/contact_id", "too_long"),
        (a_fact(variant=""), "/variant", "too_short"),
        (a_fact(country="x" * 65), "/country", "too_long"),
        (a_fact(segment="jane@example.com"), "/segment", "email"),
        (a_fact(link="x" * 2049), "/link", "too_long"),
        (a_fact(link="/u/jane%40example.com"), "/link", "email"),
        (a_fact(link="/u?utm_content=jane@example.com"), "/link", "email"),
        (a_fact(quantity=0), "/quantity", "range"),
        (a_fact(quantity=10**9 + 1), "/quantity", "range"),
        (a_fact(quantity=1.5), "/quantity", "integer"),
        (a_fact(quantity=True), "/quantity", "integer"),
        (a_fact(quantity=2, contact_id="c"), "/quantity", "quantity"),
        (a_fact(kind="conversion"), "/value", "required"),
        (a_fact(kind="refund"), "/value", "required"),
        (a_fact(kind="spend"), "/value", "required"),
        (a_fact(value=5), "/value", "object"),
        (a_fact(value={"amount": 5}), "/value/currency", "required"),
        (a_fact(value={"amount": 5, "currency": "EUR"}), "/value/currency", "other_currency"),
        (a_fact(value={"amount": 5, "currency": "usd"}), "/value/currency", "currency"),
        (a_fact(value=USD), "/value/amount", "required"),
        (a_fact(value={"amount": -1, **USD}), "/value/amount", "range"),
        (a_fact(value={"amount": 10**12 + 1, **USD}), "/value/amount", "range"),
        (a_fact(value={"amount": "5", **USD}), "/value/amount", "integer"),
        (a_fact(value={"amount": 5, "scale": 2, **USD}), "/value/scale", "unknown_field"),
        (a_fact(value={"amount_micros": 5, **USD}), "/value/amount_micros", "not_allowed"),
        (a_fact(kind="spend", value={"amount": 5, "amount_micros": 5, **USD}), "/value/amount_micros", "not_allowed"),
        (a_fact(kind="spend", value={"amount_micros": 10**16 + 1, **USD}), "/value/amount_micros", "range"),
        (a_fact(type="purchase"), "/type", "not_allowed"),
        (a_fact(kind="conversion", value={"amount": 5, **USD}, type="gift"), "/type", "choice"),
        (a_fact(order_id="o"), "/order_id", "not_allowed"),
        (a_fact(kind="refund", value={"amount": 5, **USD}, order_id="jane@example.com"), "/order_id", "email"),
        (a_fact(kind="custom"), "/name", "required"),
        (a_fact(kind="custom", name="Search"), "/name", "name"),
        (a_fact(kind="custom", name="click"), "/name", "name"),
        (a_fact(kind="custom", name="x" * 65), "/name", "too_long"),
        (a_fact(name="search"), "/name", "not_allowed"),
        (a_fact(kind="void"), "/voids", "required"),
        (a_fact(voids="f-0"), "/voids", "not_allowed"),
        (a_fact(properties=[]), "/properties", "object"),
        (a_fact(properties={"a": {"b": 1}}), "/properties/a", "flat"),
        (a_fact(properties={"a": [1]}), "/properties/a", "flat"),
        (a_fact(properties={"a": "jane@example.com"}), "/properties/a", "email"),
        (a_fact(properties={"jane@example.com": 1}), "/properties/jane@example.com", "email"),
        (a_fact(properties={"a": "\0"}), "/properties/a", "nul"),
        (a_fact(properties={"a": float("inf")}), "/properties/a", "range"),
        (a_fact(properties={str(n): n for n in range(33)}), "/properties", "too_many"),
        (a_fact(properties={"a": "x" * 4089}), "/properties", "too_long"),
        (a_fact(colour="red"), "/colour", "unknown_field"),
    ],
)
def test_a_fault_is_named_with_its_place(fact: Any, pointer: str, code: str) -> None:
    assert told(fact) == {(pointer, code)}


def test_properties_of_exactly_the_limit_are_right() -> None:
    assert told(a_fact(properties={"a": "x" * 4088})) == set()


def test_a_campaign_that_the_workspace_has_not_is_named() -> None:
    assert told(a_fact(), known=False) == {("/campaign_id", "unknown_campaign")}


def test_the_last_moment_that_is_near_enough_is_right() -> None:
    assert told(a_fact(occurred_at=(NOW + timedelta(hours=24)).isoformat())) == set()


def test_all_faults_of_a_fact_are_told_at_once() -> None:
    fact = a_fact(kind="conversion", quantity=0, contact_id="+4915112345678", link="", type="gift", foo=1)

    assert told(fact, known=False) == {
        ("/foo", "unknown_field"),
        ("/campaign_id", "unknown_campaign"),
        ("/quantity", "range"),
        ("/contact_id", "personal"),
        ("/link", "too_short"),
        ("/type", "choice"),
        ("/value", "required"),
    }


def test_a_hostile_fact_does_not_make_a_long_answer() -> None:
    fact = a_fact(**{f"unknown-{n}": n for n in range(1, 1_000)})

    assert len(faults_of(fact, "", NOW, "USD", True)) == MOST_FAULTS
