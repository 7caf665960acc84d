"""Money: integer minor units of one currency. Nothing here ever rounds.

Currencies and their exponents: ISO 4217 list one (active codes, SIX Financial Information AG), without funds,
metals and the codes for testing, which have no minor unit to count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LARGEST_AMOUNT = 10**15

_WITHOUT_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_OF_TWO_DIGITS = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD
    HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
    RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS
    UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_OF_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_OF_FOUR_DIGITS = "CLF UYW"

EXPONENTS: dict[str, int] = {
    code: digits
    for digits, codes in (
        (0, _WITHOUT_MINOR_UNIT),
        (2, _OF_TWO_DIGITS),
        (3, _OF_THREE_DIGITS),
        (4, _OF_FOUR_DIGITS),
    )
    for code in codes.split()
}


@dataclass(frozen=True)
class Money:
    """``amount`` in minor units of ``currency`` (1999 USD is 19.99 dollars)."""

    amount: int
    currency: str

    def document(self) -> dict[str, Any]:
        """As every answer writes it."""
        return {"amount": self.amount, "currency": self.currency}
