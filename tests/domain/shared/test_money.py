"""Currencies are those of ISO 4217, with their minor units."""

from __future__ import annotations

import pytest

from domain.shared.money import EXPONENTS, Money


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        ("USD", 2),
        ("EUR", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("KWD", 3),
        ("TND", 3),
        ("CLF", 4),
        ("ISK", 0),
        ("HUF", 2),
    ],
)
def test_a_currency_has_its_minor_unit(currency: str, digits: int) -> None:
    assert EXPONENTS[currency] == digits


def test_every_code_is_three_capitals_and_stands_once() -> None:
    assert all(len(code) == 3 and code.isalpha() and code.isupper() and code.isascii() for code in EXPONENTS)
    assert not {"XXX", "XTS", "XAU", "XDR"} & EXPONENTS.keys()
    assert len(EXPONENTS) > 150


def test_money_is_written_as_amount_and_currency() -> None:
    assert Money(1999, "USD").document() == {"amount": 1999, "currency": "USD"}
