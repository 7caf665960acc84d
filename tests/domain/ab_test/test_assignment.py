"""Assignment: stable, fair, published, and moved as little as can be."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ab_test.assignment import (
    SPAN,
    Layout,
    Split,
    Stretch,
    assigned,
    first_layout,
    moved_layout,
    point_of,
    variant_at,
)

PUBLISHED = Path(__file__).parents[3] / "docs" / "assignment.md"
ARMS = ("a", "b", "c", "d")


def _published_rows(columns: int) -> list[list[str]]:
    lines = PUBLISHED.read_text(encoding="utf-8").splitlines()
    cells = [re.split(r" \| ", line.strip("| ")) for line in lines if line.startswith("| ")]
    return [row for row in cells if len(row) == columns and any(cell.isdigit() for cell in row)]


def _published_layouts() -> tuple[Layout, Layout]:
    stretches = [
        (int(start), Stretch(int(upto), None if variant == "(held out)" else variant))
        for start, upto, variant in _published_rows(3)
    ]
    second = [index for index, (start, _) in enumerate(stretches) if start == 0][1]
    return tuple(one for _, one in stretches[:second]), tuple(one for _, one in stretches[second:])


@pytest.mark.req("ABT-1")
def test_the_twenty_published_pairs_have_the_published_arms() -> None:
    before, after = _published_layouts()
    split = Split(("control", "mens", "womens"), (1, 1, 1), 0.1)
    rows = _published_rows(5)

    assert len(rows) == 20
    assert before == first_layout(split)
    assert after == moved_layout(before, Split(split.variants, (1, 3, 1), 0.1))
    for salt, contact, point, first, second in rows:
        assert point_of(salt, contact) == int(point)
        assert (assigned(before, salt, contact) or "(held out)") == first
        assert (assigned(after, salt, contact) or "(held out)") == second


def test_the_published_ten_lines_give_the_same_arms() -> None:
    code = re.search(r"```python\n(.*?)```", PUBLISHED.read_text(encoding="utf-8"), re.DOTALL)
    assert code
    assert len(code[1].strip().splitlines()) <= 10
    published: dict[str, object] = {}
    exec(code[1], published)
    arm = published["arm"]
    assert callable(arm)
    layout = _published_layouts()[1]
    plain = [(stretch.upto, stretch.variant) for stretch in layout]

    assert all(arm("s", str(n), plain) == assigned(layout, "s", str(n)) for n in range(1000))


@pytest.mark.req("ABT-1")
def test_a_million_contacts_are_divided_as_the_shares_say(record_property) -> None:  # type: ignore[no-untyped-def]
    layout = first_layout(Split(ARMS, (4, 3, 2, 1)))
    counts = dict.fromkeys(ARMS, 0)
    salt = b"million:"
    for n in range(1_000_000):
        point = int.from_bytes(hashlib.sha256(salt + str(n).encode()).digest()[:4], "big")
        variant = variant_at(layout, point)
        assert variant
        counts[variant] += 1

    expected = dict(zip(ARMS, (400_000, 300_000, 200_000, 100_000), strict=True))
    chi_square = sum((counts[arm] - expected[arm]) ** 2 / expected[arm] for arm in ARMS)
    record_property("told", f"assignment: chi-square of 1,000,000 contacts {chi_square:.3f}, 16.27 is p = 0.001")
    assert chi_square < 16.266  # p > 0.001 with three degrees of freedom


@pytest.mark.req("ABT-1")
def test_80_to_20_after_50_to_50_moves_30_percent_and_nobody_back(record_property) -> None:  # type: ignore[no-untyped-def]
    before = first_layout(Split(("a", "b"), (0.5, 0.5)))
    after = moved_layout(before, Split(("a", "b"), (0.8, 0.2)))
    moves: dict[tuple[str | None, str | None], int] = {}
    for n in range(200_000):
        point = point_of("move", str(n))
        step = variant_at(before, point), variant_at(after, point)
        moves[step] = moves.get(step, 0) + 1

    moved = moves["b", "a"] / 200_000
    record_property("told", f"assignment: 50/50 to 80/20 moved {moved:.4f} of 200,000 contacts, back 0")
    assert abs(moved - 0.3) <= 0.002
    assert ("a", "b") not in moves


def test_growing_arms_take_only_what_was_given_up() -> None:
    before = first_layout(Split(("a", "b", "c"), (1, 1, 1), 0.1))

    after = moved_layout(before, Split(("a", "b", "c"), (2, 1, 1), 0.1))

    moved = _moved(before, after)
    assert set(moved) == {("b", "a"), ("c", "a")}
    assert sum(moved.values()) == _sizes(after)["a"] - _sizes(before)["a"]


def test_a_winner_takes_all_but_the_holdout() -> None:
    before = first_layout(Split(("a", "b"), (1, 1), 0.2))

    after = moved_layout(before, Split(("b",), (1,), 0.2))

    assert _sizes(after) == {None: int(0.2 * SPAN), "b": SPAN - int(0.2 * SPAN)}
    assert set(_moved(before, after)) == {("a", "b")}


WEIGHTS = st.lists(st.floats(1e-6, 1e6), min_size=4, max_size=4).map(tuple)
SPLITS = st.builds(Split, st.just(ARMS), WEIGHTS, st.floats(0, 0.99))


@given(st.lists(SPLITS, min_size=2, max_size=6))
def test_any_chain_of_changes_moves_no_more_than_it_must(splits: list[Split]) -> None:
    layout = first_layout(splits[0])
    for split in splits[1:]:
        before, layout = layout, moved_layout(layout, split)
        grown = {
            arm: size - _sizes(before).get(arm, 0)
            for arm, size in _sizes(layout).items()
            if size > _sizes(before).get(arm, 0)
        }
        moved = _moved(before, layout)

        assert _sizes(layout) == {arm: size for arm, size in split.sizes().items() if size}
        assert sum(moved.values()) == sum(grown.values())
        assert all(taker in grown and giver not in grown for giver, taker in moved)
        assert layout[-1].upto == SPAN


@given(st.lists(SPLITS, min_size=1, max_size=4), st.text(max_size=20), st.text(max_size=20))
def test_a_contact_has_one_arm_however_often_it_is_asked(splits: list[Split], salt: str, contact: str) -> None:
    def rebuilt() -> Layout:
        layout = first_layout(splits[0])
        for split in splits[1:]:
            layout = moved_layout(layout, split)
        return layout

    assert assigned(rebuilt(), salt, contact) == assigned(rebuilt(), salt, contact)


def _sizes(layout: Layout) -> dict[str | None, int]:
    sizes: dict[str | None, int] = {}
    start = 0
    for stretch in layout:
        sizes[stretch.variant] = sizes.get(stretch.variant, 0) + stretch.upto - start
        start = stretch.upto
    return sizes


def _moved(before: Layout, after: Layout) -> dict[tuple[str | None, str | None], int]:
    """Points by the arm they left and the arm they came to, counted stretch by stretch."""
    moved: dict[tuple[str | None, str | None], int] = {}
    start = 0
    for edge in sorted({stretch.upto for stretch in (*before, *after)}):
        step = variant_at(before, start), variant_at(after, start)
        if step[0] != step[1]:
            moved[step] = moved.get(step, 0) + edge - start
        start = edge
    return moved
