"""The independent figures of the demo: those packed, and those counted from any file."""

from __future__ import annotations

import gzip
import hashlib
import re
from fractions import Fraction
from pathlib import Path

import pytest

from infra.demo.comparing import lines_of_arms, money
from infra.demo.customers import SHIPPED, Customer, WrongFile, customers_of
from infra.demo.facts import DAYS, STARTS, about_customers, how_many, of_cost, with_every_cent
from infra.demo.figures import counted_by_hand, packed_answers

SOURCE = (SHIPPED.parent / "SOURCE.md").read_text()
FIRST_LINE = "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend"


def a_file(folder: Path, *rows: str) -> Path:
    """A file of the shape of hillstrom.csv; a row is its last four columns."""
    path = folder / "customers.csv"
    path.write_text("\r\n".join([FIRST_LINE, *(f"1,2) $100 - $200,142.44,1,0,Rural,0,Web,{row}" for row in rows)]))
    return path


def test_the_shipped_file_is_the_one_that_its_source_names() -> None:
    content = gzip.decompress(SHIPPED.read_bytes())

    assert hashlib.sha256(content).hexdigest() in re.findall(r"[0-9a-f]{64}", SOURCE)
    assert content.decode().splitlines()[0] == FIRST_LINE


def test_the_figures_counted_from_the_shipped_file_are_the_packed_ones() -> None:
    assert counted_by_hand(customers_of(SHIPPED)) == packed_answers()


def test_the_packed_returns_are_those_of_the_challenge() -> None:
    arms = packed_answers()

    assert (arms["mens"].roas, arms["womens"].roas) == ("14.226165", "10.772016")
    assert (arms["mens"].incremental_roi, arms["womens"].incremental_roi) == ("6.698272", "3.244122")
    assert money(arms["mens"].revenue) == "30311.69"


def test_a_file_without_its_last_rows_and_a_cent_more_has_other_sums() -> None:
    customers = customers_of(SHIPPED)[:-1000]
    bought = next(number for number, customer in enumerate(customers) if customer.converted)
    dearer = customers.copy()
    dearer[bought] = Customer(**{**vars(customers[bought]), "spend": customers[bought].spend + 1})

    before, after = counted_by_hand(customers), counted_by_hand(dearer)

    variant = customers[bought].variant
    assert after[variant].revenue - before[variant].revenue == 1
    assert sum(arm.exposures for arm in after.values()) == 63_000


def test_what_was_spent_without_a_conversion_goes_with_one_of_the_same_arm(tmp_path: Path) -> None:
    path = a_file(tmp_path, "Mens E-Mail,0,0,0.01", "No E-Mail,1,1,5", "Mens E-Mail,1,1,29.99")

    kept, moved = with_every_cent(customers_of(path))

    assert [customer.spend for customer in kept if customer.converted] == [500, 3000]
    assert moved == 1


@pytest.mark.parametrize("row", ["Mens E-Mail,0,0,0.001", "Dogs E-Mail,0,0,0", "No E-Mail,2,0,0", "No E-Mail,0,0,x"])
def test_a_row_of_another_shape_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    path = a_file(tmp_path, "No E-Mail,0,0,0", row)

    with pytest.raises(WrongFile, match=r"line 3: segment must be one of"):
        customers_of(path)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match=r"absent\.csv cannot be read"):
        customers_of(tmp_path / "absent.csv")


def test_every_fact_lies_within_the_two_weeks_and_costs_ten_cents_a_mail() -> None:
    customers = customers_of(SHIPPED)[:2000]
    mailed = sum(customer.mailed for customer in customers)

    facts, bills = list(about_customers("c", customers)), of_cost("c", customers)

    times = [fact["occurred_at"] for fact in facts + bills]
    assert STARTS.isoformat() <= min(times)
    assert max(times) < STARTS.replace(day=STARTS.day + DAYS).isoformat()
    assert sum(bill["value"]["amount"] for bill in bills) == 10 * mailed
    assert len(facts) + len(bills) == how_many(customers)


def test_a_figure_that_differs_is_said_to_differ() -> None:
    packed = packed_answers()
    ours = packed | {"mens": packed["womens"]}

    lines = lines_of_arms(ours, packed)

    assert {line.about for line in lines if not line.equal} == {"mens"}
    assert all(line.equal for line in lines_of_arms(packed, packed))


def test_fractions_of_a_cent_are_printed_whole() -> None:
    assert money(Fraction(3031169)) == "30311.69"
    assert money(10.5) == "0.105"
    assert money(-5) == "-0.05"
