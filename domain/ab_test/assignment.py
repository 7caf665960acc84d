"""Which arm a contact gets: a rule that anybody can recompute, and that never asks chance
(docs/assignment.md).

A contact is a point: the first eight hexadecimal digits of SHA-256(salt + ":" + contact), 0 to 2³² − 1. The
layout divides these points into stretches, and a point lies in one. New shares change as little as can be:
an arm that shrinks gives up the ends of its own stretches, an arm that grows takes only what was given up,
so nobody moves between two arms that keep their size, and nobody leaves an arm that grows.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

SPAN = 2**32


@dataclass(frozen=True)
class Stretch:
    """All points below ``upto`` that no earlier stretch holds; ``variant`` None: held out of the test."""

    upto: int
    variant: str | None


@dataclass(frozen=True)
class Split:
    """How the points are to be divided: arms with their weights, and the part of all contacts that is held
    out."""

    variants: tuple[str, ...]
    weights: tuple[float, ...]
    holdout: float = 0.0

    def sizes(self) -> dict[str | None, int]:
        """Points for each arm and for the holdout; exact, and together all there are."""
        held = int(Fraction(self.holdout) * SPAN)
        free = SPAN - held
        weights = [Fraction(weight) for weight in self.weights]
        total = sum(weights)
        sizes: dict[str | None, int] = {None: held}
        before, so_far = 0, Fraction(0)
        for variant, weight in zip(self.variants, weights, strict=True):
            so_far += weight
            edge = int(free * so_far / total)
            sizes[variant] = edge - before
            before = edge
        return sizes


Layout = tuple[Stretch, ...]


def point_of(salt: str, contact: str) -> int:
    """Where a contact stands, the same in every process, release and language."""
    return int(hashlib.sha256(f"{salt}:{contact}".encode()).hexdigest()[:8], 16)


def variant_at(layout: Layout, point: int) -> str | None:
    """Whose stretch the point lies in; None: held out."""
    return layout[bisect_right(layout, point, key=lambda stretch: stretch.upto)].variant


def assigned(layout: Layout, salt: str, contact: str) -> str | None:
    """The arm of a contact, or None where it is held out."""
    return variant_at(layout, point_of(salt, contact))


def first_layout(split: Split) -> Layout:
    """The holdout first, then the arms in their written order."""
    return _joined((variant, size) for variant, size in split.sizes().items())


def moved_layout(layout: Layout, split: Split) -> Layout:
    """The layout after new shares: moves as many points as the growing arms gain, not one more."""
    target = split.sizes()
    present = _sizes(layout)
    excess = {variant: size - target.get(variant, 0) for variant, size in present.items()}
    wanting = [(variant, size - present.get(variant, 0)) for variant, size in target.items()]
    takers = [(variant, lacking) for variant, lacking in wanting if lacking > 0]
    pieces: list[tuple[str | None, int]] = []
    for variant, size in reversed(_pieces(layout)):
        given = min(max(excess[variant], 0), size)
        excess[variant] -= given
        pieces.extend(reversed(_taken(takers, given)))
        if size > given:
            pieces.append((variant, size - given))
    return _joined(reversed(pieces))


def _taken(takers: list[tuple[str | None, int]], given: int) -> list[tuple[str | None, int]]:
    """Who gets the points given up, from the last taker backwards; what was taken is no longer wanting."""
    pieces: list[tuple[str | None, int]] = []
    while given:
        variant, lacking = takers.pop()
        taken = min(lacking, given)
        pieces.insert(0, (variant, taken))
        if lacking > taken:
            takers.append((variant, lacking - taken))
        given -= taken
    return pieces


def _pieces(layout: Layout) -> list[tuple[str | None, int]]:
    starts = (0, *(stretch.upto for stretch in layout))
    return [(stretch.variant, stretch.upto - start) for stretch, start in zip(layout, starts, strict=False)]


def _sizes(layout: Layout) -> dict[str | None, int]:
    sizes: dict[str | None, int] = {}
    for variant, size in _pieces(layout):
        sizes[variant] = sizes.get(variant, 0) + size
    return sizes


def _joined(pieces: Iterable[tuple[str | None, int]]) -> Layout:
    """Stretches from pieces: empty ones left out, neighbours of one arm made one."""
    layout: list[Stretch] = []
    at = 0
    for variant, size in pieces:
        if not size:
            continue
        at += size
        if layout and layout[-1].variant == variant:
            layout.pop()
        layout.append(Stretch(at, variant))
    return tuple(layout)
