"""Every reference case of scope ``product`` within its tolerance. How many ran is printed at the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.adapters.statistics.case_answers import answer
from tests.adapters.statistics.case_files import Case, place, product_cases

CASES = product_cases()
DEVIATIONS: dict[str, str] = {}
"""Cases that do not hold, each with the words of its own notes that say why. At most five."""


@pytest.mark.req("ABT-3", "ABT-4")
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_reference_case_holds_within_its_tolerance(
    case: Case, record_property: Callable[[str, object], None]
) -> None:
    found = answer(case)

    for name, expected in case["expected"].items():
        if case["id"] not in DEVIATIONS:
            _close(found[name], _as_noted(case, expected), case["tolerance"], f"{case['id']}.{name}")
    if case["id"] not in DEVIATIONS:
        record_property("counted", f"reference cases held, of {len(CASES)} with scope product in {place()}")


def test_deviations_are_few_and_named_by_the_cases_themselves() -> None:
    notes = {case["id"]: case.get("notes", "") for case in CASES}

    assert len(DEVIATIONS) <= 5
    assert all(words in notes[case_id] for case_id, words in DEVIATIONS.items())
    assert len(CASES) >= 100


def _as_noted(case: Case, expected: Any) -> Any:
    """The product clips an interval to what a rate can be; such cases say to compare after clipping."""
    if "should be compared after clipping" in case.get("notes", ""):
        return [min(max(bound, 0.0), 1.0) for bound in expected]
    return expected


def _close(found: Any, expected: Any, tolerance: dict[str, float], where: str) -> None:
    if isinstance(expected, list):
        assert len(found) == len(expected), where
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            _close(one, other, tolerance, f"{where}[{index}]")
    elif expected == "inf":
        assert found is None, f"{where}: an open bound is None"
    elif isinstance(expected, str):
        assert found == expected, where
    else:
        allowed = tolerance.get("abs", 0.0) + tolerance.get("rel", 0.0) * abs(expected)
        assert math.isfinite(found), where
        assert abs(found - expected) <= allowed, f"{where}: {found} is not {expected} ± {allowed}"
