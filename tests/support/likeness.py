"""Compares an answer with the oracle's: counts and money exactly, ratios to the last digits of a float."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec


def plain(answer: Any) -> Any:
    """An answer as dicts and lists; money stays decimal."""
    return msgspec.to_builtins(answer, builtin_types=(Decimal,))


def differences(found: Any, expected: Any, at: str = "") -> list[str]:
    """Where two plain answers differ, by path; lists of groups are compared by their keys."""
    if isinstance(expected, dict):
        if not isinstance(found, dict) or found.keys() != expected.keys():
            return [f"{at}: {found!r} is not {expected!r}"]
        return [line for name in expected for line in differences(found[name], expected[name], f"{at}/{name}")]
    if isinstance(expected, list):
        if len(found) != len(expected):
            return [f"{at}: {len(found)} entries are not {len(expected)}"]
        if expected and "key" in expected[0]:
            found, expected = sorted(found, key=_by_key), sorted(expected, key=_by_key)
        return [
            line for index, pair in enumerate(zip(found, expected, strict=True))
            for line in differences(*pair, f"{at}/{index}")
        ]  # fmt: skip
    return [] if _same(found, expected) else [f"{at}: {found!r} is not {expected!r}"]


def _by_key(group: dict[str, Any]) -> str:
    return repr(sorted(group["key"].items()))


def _same(found: Any, expected: Any) -> bool:
    if isinstance(found, float):
        return expected is not None and math.isclose(found, float(expected), rel_tol=1e-13)
    if isinstance(found, (int, Decimal)) and isinstance(expected, (int, Fraction)):
        return Fraction(found) == expected
    return bool(found == expected)
