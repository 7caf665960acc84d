"""The demo's tables, whole wherever they are printed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from infra.demo.comparing import NOTHING, Line, figures_of, money
from infra.demo.figures import Arm

__all__ = ["arms", "comparison", "console", "funnel", "money", "show"]

_WIDE_ENOUGH = 200


def console(width: int | None = None) -> Console:
    """Where the demo prints: colours and a moving bar on a terminal only. ``width`` is the terminal's if None."""
    watched = sys.stdout.isatty()
    return Console(markup=False, highlight=False, width=width, no_color=not watched, force_terminal=watched)


def show(table: Table) -> None:
    """Print a table whole: nothing is cut or wrapped, however narrow the terminal is."""
    console(_WIDE_ENOUGH).print(table)


def arms(found: Mapping[str, Arm]) -> Table:
    """One row for each arm, from the product."""
    headings = ["variant", *(name for name, _ in figures_of(None))]
    rows = [[variant, *(text for _, text in figures_of(arm))] for variant, arm in found.items()]
    return _table("The campaign by variant, as Ballyhoo answers", headings, rows)


def funnel(stages: Sequence[dict[str, Any]]) -> Table:
    """How many customers came from each stage to the next, and how long it took them."""
    headings = ("stage", "customers", "of the stage before", "of all", "hours, median", "hours, p90")
    rows = [
        (
            stage["stage"],
            str(stage["count"]),
            _share(stage["from_previous"]),
            _share(stage["from_first"]),
            _hours(stage, "median"),
            _hours(stage, "p90"),
        )
        for stage in stages
    ]
    return _table("The funnel by customer, as Ballyhoo answers", headings, rows)


def comparison(lines: Iterable[Line], independent: str) -> Table:
    """One row for each figure, and whether both sources agree; ``independent`` names the other one."""
    table = Table(title="The same figures from two sources", title_justify="left", box=box.SIMPLE_HEAD)
    for heading, justify in (
        ("of", "left"),
        ("figure", "left"),
        ("Ballyhoo", "right"),
        (independent, "right"),
    ):
        table.add_column(heading, justify="right" if justify == "right" else "left", no_wrap=True)
    table.add_column("", no_wrap=True)
    for line in lines:
        verdict = "equal" if line.equal else "NOT EQUAL"
        table.add_row(line.about, line.figure, line.ours, line.independent, verdict)
    return table


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """The first column is words, the others are numbers."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4%}"


def _hours(stage: Mapping[str, Any], which: str) -> str:
    seconds = (stage["seconds_from_previous"] or {}).get(which)
    return NOTHING if seconds is None else f"{seconds / 3600:.2f}"
