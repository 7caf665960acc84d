"""One contact who spends a fortune can decide a test: values above a threshold fixed in the plan count as
it."""

from __future__ import annotations

from domain.ab_test.samples import Values


def winsorised(sample: Values, at: float) -> Values:
    """Values above ``at`` become ``at``. The threshold is fixed beforehand, not a quantile of the data: a
    quantile moves with every fact, and a result could not be repeated. Values below, refunds too, stay."""
    return Values(tuple(min(value, at) for value in sample.values))
