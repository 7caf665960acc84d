"""Where the reference cases come from: ../shared beside the repository, else the repository's own copy."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[3]
OWN = REPOSITORY / "tests" / "reference_cases"
SHARED = REPOSITORY.parent / "shared"
FILES = (
    "ab_proportions",
    "ab_confidence_intervals",
    "ab_means",
    "ab_power_sample_size",
    "multiple_testing",
    "srm",
    "ab_sequential",
    "ab_bayesian",
)
Case = dict[str, Any]


def place() -> Path:
    """The folder that is read."""
    shared = SHARED / "reference_cases"
    return shared if shared.is_dir() else OWN


def product_cases() -> list[Case]:
    """Every case that the product must hold."""
    return [
        case
        for name in FILES
        for case in json.loads((place() / f"{name}.json").read_text(encoding="utf-8"))
        if case["scope"] == "product"
    ]


@cache
def hillstrom(segment: str, column: str) -> tuple[int, int, int]:
    """n, sum and sum of squares of a column, spend in cents; from the rows where they are there."""
    rows = SHARED / "data" / "hillstrom" / "hillstrom.csv"
    if not rows.exists():
        arms = json.loads((OWN / "hillstrom_sums.json").read_text(encoding="utf-8"))["arms"]
        n, total, squares = arms[segment][column]
        return n, total, squares
    unit = 100 if column == "spend" else 1
    with rows.open(encoding="utf-8", newline="") as lines:
        values = [round(float(row[column]) * unit) for row in csv.DictReader(lines) if row["segment"] == segment]
    return len(values), sum(values), sum(value * value for value in values)
