"""What counts as an address, a number, a link."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.engagement.rules import holds_email, is_personal, micros, reduced_link

pytestmark = pytest.mark.req("EVT-8")


@pytest.mark.parametrize(
    "text",
    [
        "jane@example.com",
        "Jane <jane.doe+shop@mail.example.co.uk>",
        "jürgen@müller.de",
        "/unsubscribe/jane%40example.com/now",
        "jane＠example.com",
        '"jane doe"@example.com',
        "a@b@example.com",
        "mail=jane@xn--bcher-kva.xn--p1ai",
        "@@jane@example.com",
    ],
)
def test_an_address_is_found(text: str) -> None:
    assert holds_email(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "jane",
        "@jane",
        "https://social.example/@jane.doe",
        "package@1.2.3",
        "jane@localhost",
        "jane @example.com",
        "https://maps.example/@48.85,2.35,15z",
        "100%@",
        "%zz%40",
    ],
)
def test_what_is_no_address_is_let_alone(text: str) -> None:
    assert not holds_email(text)


@pytest.mark.parametrize(
    "text", ["a" * 4096, "a@" * 2048, "@" * 4096, "a." * 2048 + "@", "a@" + "1." * 2000, "%40" * 1365]
)
def test_looking_takes_no_time_whatever_is_sent(text: str) -> None:
    started = time.perf_counter()

    holds_email(text)

    assert time.perf_counter() - started < 0.2


@pytest.mark.parametrize(
    "id",
    ["jane@example.com", "@", "jane＠x", "+4915112345678", "tel:+1 (555) 010-9999", "+33.1.23.45.67.89", "+12345678"],
)
def test_a_contact_id_that_names_a_person_is_known_as_one(id: str) -> None:
    assert is_personal(id)


@pytest.mark.parametrize(
    "id", ["17", "customer-17", "4915112345678", "a+b", "+1234567", "Zk+9/x==", "+1234567890123456"]
)
def test_an_opaque_contact_id_is_let_alone(id: str) -> None:
    assert not is_personal(id)


@pytest.mark.parametrize(
    ("link", "reduced"),
    [
        ("https://shop.example/boots", "https://shop.example/boots"),
        (
            "https://shop.example/boots?utm_source=a&email=x&UTM_Medium=b",
            "https://shop.example/boots?utm_source=a&UTM_Medium=b",
        ),
        ("https://shop.example/boots?token=1", "https://shop.example/boots"),
        ("https://shop.example/#access=1?utm_source=a", "https://shop.example/"),
        ("/boots?utm_source=a#top", "/boots?utm_source=a"),
        ("?a=1", ""),
    ],
)
def test_a_link_keeps_its_path_and_what_names_the_campaign(link: str, reduced: str) -> None:
    assert reduced_link(link) == reduced


@given(st.text(max_size=200))
def test_reducing_a_link_twice_changes_nothing_more(link: str) -> None:
    assert reduced_link(reduced_link(link)) == reduced_link(link)


@pytest.mark.parametrize(
    ("amount", "exponent", "expected"), [(1999, 2, 19_990_000), (5, 0, 5_000_000), (7, 3, 7_000), (3, 4, 300)]
)
def test_minor_units_become_micros_of_the_major_unit(amount: int, exponent: int, expected: int) -> None:
    assert micros(amount, exponent) == expected
