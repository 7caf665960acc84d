"""What statistics need to know of one arm: summaries, never rows. Whole numbers stay whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Proportion:
    """``conversions`` of ``n``; its variance is p(1 − p), without the n − 1 of a sample of values."""

    n: int
    conversions: int


@dataclass(frozen=True)
class Covariate:
    """What was known of the same contacts before the test: sums of x, of x², and of x times the metric
    (CUPED)."""

    sum: float
    sum_squares: float
    sum_products: float


@dataclass(frozen=True)
class Mean:
    """Sum and sum of squares over ``n`` contacts; ``sum`` may be negative. Whole numbers are reckoned
    exactly."""

    n: int
    sum: float
    sum_squares: float
    covariate: Covariate | None = None


@dataclass(frozen=True)
class Ratio:
    """A sum over a sum of the same contacts (clicks per page view), both of which vary: delta method."""

    n: int
    sum: float
    sum_squares: float
    denominator_sum: float
    denominator_sum_squares: float
    sum_products: float


@dataclass(frozen=True)
class Values:
    """One value for each contact, where somebody has no sums yet."""

    values: tuple[float, ...]

    @property
    def n(self) -> int:
        """How many contacts."""
        return len(self.values)


@dataclass(frozen=True)
class Unusable:
    """An arm whose figures cannot be analysed, and why; the other arms are."""

    n: int
    why: str


Sample = Proportion | Mean | Ratio | Values | Unusable
