"""Which facts are taken and which are not: the fast look and the second look are one opinion."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.engagement.diagnosis import FIELDS, faults_of
from domain.engagement.kinds import CLICK, CONVERSION, CUSTOM, KINDS, REFUND, SPEND, VOID
from tests.api.tracking.asking import CAMPAIGN, NOW, YEN, Asking, a_fact

USD = {"currency": "USD"}

NASTY: list[Any] = [
    None, True, False, 0, 1, -1, 2, 1.0, 1.5, 10**9, 10**9 + 1, 10**12, 10**12 + 1, 2**63, 10**30, 1e300, [],
    [[]], {}, "",
    "a", " ", "x" * 64, "x" * 65, "x" * 128, "x" * 129, "x" * 2048, "x" * 2049, "\0", "a\0b", "\ud800", "ü",
    "😀", "click",
    "jane@example.com", "@jane", "+4915112345678", "+1", "100%", "%40", "a%40b.example", "infinity", "now",
    "2026-11-20",
    "2026-11-20T12:00:00", "2026-11-20T12:00:00Z", "2026-11-20T12:00:00.123456789+05:45",
    "2026-11-21T12:00:00.000001Z",
    "1999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
    "294277-01-01T00:00:00Z", CAMPAIGN,
    CAMPAIGN.upper(), YEN, "01931f7a-7d3c-7c4e-9a51-000000000000", CAMPAIGN.replace("-", ""), "purchase",
    "custom", "search",
    "/boots?utm_source=a&x=b#top", "https://jane@shop.example/", {"a": 1}, {"a": {"b": 1}}, {"a": [1]},
    {"a": "\0"},
    {"a": "jane@example.com"}, {"jane@example.com": 1}, {"a": "@jane"},
    {"user_agent": "x", "n": 1.5, "z": None, "b": True},
    {str(n): n for n in range(32)}, {str(n): n for n in range(33)}, {"a": "x" * 4088}, {"a": "x" * 4089},
    {"": ""},
    {"a": 10**30}, {"amount": 5, **USD}, {"amount": 0, "currency": "JPY"}, {"amount": 5}, USD,
    {"amount": -1, **USD},
    {"amount": 10**12 + 1, **USD}, {"amount_micros": 10**16, **USD}, {"amount_micros": 10**16 + 1, **USD},
    {"amount_micros": 10**18, "currency": "JPY"}, {"amount": 1, "amount_micros": 1, **USD},
    {"amount": None, **USD},
    {"amount": 5, "amount_micros": None, **USD}, {"amount": 1.0, **USD}, {"amount": True, **USD},
    {"amount": 5, "x": 1, **USD},
]  # fmt: skip

RIGHT: list[dict[str, Any]] = [
    a_fact(),
    a_fact(occurred_at="2026-11-20T12:00:00Z", contact_id="c", variant="a", platform="email", link="/x"),
    a_fact(kind="impression", quantity=17),
    a_fact(kind="conversion", value={"amount": 5, **USD}, type="purchase", order_id="o"),
    a_fact(kind="refund", value={"amount": 5, **USD}, order_id="o"),
    a_fact(kind="spend", value={"amount_micros": 5, **USD}),
    a_fact(kind="spend", campaign_id=YEN, value={"amount": 5, "currency": "JPY"}),
    a_fact(kind="custom", name="search"),
    a_fact(kind="void", voids="f-0"),
    a_fact(properties={"a": "b"}),
]


@st.composite
def facts(draw: st.DrawFn) -> Any:
    """A right fact of which some fields were changed, added or taken out; now and then something else altogether."""
    if draw(st.integers(0, 20)) == 0:
        return draw(st.sampled_from(NASTY))
    fact = dict(draw(st.sampled_from(RIGHT)))
    for name in draw(st.lists(st.sampled_from([*FIELDS, "colour"]), max_size=3)):
        if draw(st.booleans()):
            fact[name] = draw(st.sampled_from(NASTY))
        else:
            fact.pop(name, None)
    if draw(st.integers(0, 3)) == 0:
        fact["kind"] = draw(st.sampled_from(list(KINDS)))
    return fact


def is_right(fact: Any) -> bool:
    """By the table of rules in words."""
    id = fact.get("campaign_id") if isinstance(fact, dict) else None
    currency = {CAMPAIGN: "USD", YEN: "JPY"}.get(id.lower() if isinstance(id, str) else "")
    return not faults_of(fact, "", NOW, currency, currency is not None)


@settings(max_examples=600, deadline=None)
@given(facts())
def test_a_fact_is_taken_exactly_when_it_breaks_no_rule(fact: Any) -> None:
    asking = Asking()

    answer = asking.track(fact)

    if is_right(fact):
        assert (answer.status, len(asking.log.facts)) == (200, 1), answer.content
    else:
        assert (answer.status, asking.log.facts) == (422, []), answer.content
        assert answer.told
        assert "not_valid" not in {code for _, code in answer.told}


@settings(max_examples=200, deadline=None)
@given(st.lists(facts(), min_size=1, max_size=12))
def test_in_a_batch_each_fact_stands_alone(sent: list[Any]) -> None:
    asking = Asking()

    answer = asking.batch(sent)

    wrong = [index for index, fact in enumerate(sent) if not is_right(fact)]
    assert answer.status == 200
    assert [entry["index"] for entry in answer.body["rejected"]] == wrong
    assert answer.body["accepted"] == len(asking.log.facts) == len(sent) - len(wrong)
    for entry in answer.body["rejected"]:
        assert all(error["pointer"].startswith(f"/facts/{entry['index']}") for error in entry["errors"])
        alone = Asking().track(sent[entry["index"]])
        assert {(f"/facts/{entry['index']}{pointer}", code) for pointer, code in alone.told} == {
            (error["pointer"], error["code"]) for error in entry["errors"]
        }


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.sampled_from(["/v1/track", "/v1/track/batch"])
)
def test_whatever_bytes_come_they_are_refused_as_a_whole(body: bytes, path: str) -> None:
    answer = Asking().post(path, body)

    assert answer.status in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["status"] == answer.status


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_batch_that_was_cut_or_damaged_is_refused_whole_or_names_its_facts(data: st.DataObject) -> None:
    whole = json.dumps({"facts": [a_fact(id=str(n), properties={"a": "é\\"}) for n in range(3)]}).encode()
    at = data.draw(st.integers(0, len(whole) - 1))
    damage = data.draw(st.sampled_from([b"", b"\0", b'"', b"{", b"]", b",", b"\\", b"\xff", b"}}", b":"]))
    rest = at + data.draw(st.integers(0, 3))

    answer = Asking().post("/v1/track/batch", whole[:at] + damage + whole[rest:])

    assert answer.status in (200, 400, 422)
    if answer.status == 200:
        assert answer.body["accepted"] + len(answer.body["rejected"]) >= 1


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (
            a_fact(),
            {"kind": CLICK, "campaign": 1, "quantity": 1, "labels": None, "properties": None, "occurred_at": None},
        ),
        (
            a_fact(quantity=7, variant="a", link="/x?utm_id=1&s=2"),
            {"quantity": 7, "labels": ("a", *(None,) * 4, "/x?utm_id=1")},
        ),
        (a_fact(link="?s=2"), {"labels": None}),
        (a_fact(occurred_at="2026-11-20T01:00:00+01:00"), {"occurred_at": datetime(2026, 11, 20, tzinfo=UTC)}),
        (
            a_fact(kind="conversion", value={"amount": 5, **USD}, type="subscription", order_id="o", contact_id="c"),
            {"kind": CONVERSION, "amount": 5, "type": 2, "order_id": "o", "contact": "c"},
        ),
        (a_fact(kind="refund", value={"amount": 5, **USD}), {"kind": REFUND, "amount": 5, "type": 0, "order_id": None}),
        (a_fact(kind="spend", value={"amount": 5, **USD}), {"kind": SPEND, "amount": 50_000}),
        (a_fact(kind="spend", value={"amount_micros": 5, **USD}), {"amount": 5}),
        (
            a_fact(kind="spend", campaign_id=YEN, value={"amount": 5, "currency": "JPY"}),
            {"amount": 5_000_000, "campaign": 2},
        ),
        (a_fact(value={"amount": 5, **USD}), {"kind": CLICK, "amount": 5}),
        (a_fact(kind="custom", name="search"), {"kind": CUSTOM, "name": "search"}),
        (a_fact(kind="void", voids="f-0"), {"kind": VOID, "voids": "f-0"}),
        (a_fact(properties={"b": 1, "a": "ü"}), {"properties": '{"b":1,"a":"ü"}'.encode()}),
        (a_fact(properties={}), {"properties": b"{}"}),
        (a_fact(properties={"handle": "@jane"}), {"properties": b'{"handle":"@jane"}'}),
        (a_fact(link="https://social.example/@jane"), {"labels": (*(None,) * 5, "https://social.example/@jane")}),
    ],
)
def test_what_is_taken_is_what_was_sent(sent: dict[str, Any], expected: dict[str, Any]) -> None:
    asking = Asking()

    assert asking.track(sent).status == 200

    (fact,) = asking.log.facts
    assert {name: getattr(fact, name) for name in expected} == expected


def test_where_a_name_stands_twice_the_last_one_counts() -> None:
    asking = Asking()
    body = json.dumps(a_fact()).encode()[:-1] + b', "properties": {"a": 1, "a": 2}, "id": "last"}'

    assert asking.track(body).status == 200
    assert (asking.log.facts[0].id, asking.log.facts[0].properties) == ("last", b'{"a":2}')
