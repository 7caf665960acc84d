"""The customers of an e-mail test, from a file of the shape of hillstrom.csv."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

SHIPPED = Path(__file__).parent / "hillstrom.csv.gz"

ARMS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "control"}
"""The words of the column ``segment``, and the variants that they are."""

CONTROL = "control"

_NEEDED = ("segment", "visit", "conversion", "spend")
_DEAREST = 10**12


class WrongFile(Exception):
    """The file is not of the shape of hillstrom.csv; the message says where."""


@dataclass(frozen=True)
class Customer:
    """One row: ``number`` counts from 1, ``spend`` is in cents."""

    number: int
    variant: str
    visited: bool
    converted: bool
    spend: int

    @property
    def mailed(self) -> bool:
        """Whether an e-mail went out to this customer."""
        return self.variant != CONTROL


def customers_of(path: Path) -> list[Customer]:
    """Every row of a .csv or .csv.gz file. WrongFile names the first line that is not as it should be."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
                return _read(file, path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(file, path)
    except OSError as error:
        raise WrongFile(f"{path} cannot be read: {error.strerror or error}.") from error
    except (UnicodeDecodeError, EOFError, csv.Error) as error:
        raise WrongFile(f"{path} is no CSV in UTF-8: {error}.") from error


def _read(lines: Iterable[str], path: Path) -> list[Customer]:
    reader = csv.DictReader(lines)
    if missing := [name for name in _NEEDED if name not in (reader.fieldnames or ())]:
        raise WrongFile(f"{path} has no column {', '.join(missing)} in its first line.")
    customers = []
    for number, row in enumerate(reader, start=1):
        try:
            customers.append(_customer(number, row))
        except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
            raise WrongFile(
                f"{path}, line {reader.line_num}: segment must be one of {', '.join(ARMS)}, visit and "
                "conversion 0 or 1, spend an amount with at most two decimals."
            ) from error
    if not customers:
        raise WrongFile(f"{path} has no customers.")
    return customers


def _customer(number: int, row: dict[str, str]) -> Customer:
    bits = {"0": False, "1": True}
    cents = Decimal(row["spend"].strip() or "0") * 100
    if not 0 <= cents <= _DEAREST or cents != int(cents):
        raise ValueError("spend")
    return Customer(
        number=number,
        variant=ARMS[row["segment"].strip()],
        visited=bits[row["visit"].strip()],
        converted=bits[row["conversion"].strip()],
        spend=int(cents),
    )
