"""Rebuilds that are killed: half way, and between the two renames of the swap."""

from __future__ import annotations

import signal

import psycopg
import pytest

from adapters.read_models.rebuild import planning, units
from projections.campaign_metrics import CAMPAIGN_METRICS
from tests.support.rebuilding import dying, filled, one, rebuilt

SEED = 1871
COUNT = 800

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.req("EVT-4")]

_SUMS = "select sum(n)::bigint from campaign_metrics_v1.totals"


def test_killed_at_half_the_next_start_goes_on_above_forty_per_cent(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(fresh_database, SEED, COUNT)
    before = one(fresh_database, _SUMS)

    assert dying(fresh_database, "campaign_metrics", "half") == -signal.SIGKILL

    with psycopg.connect(fresh_database) as connection:
        done, total = units.progress(connection, f"{CAMPAIGN_METRICS.schema}_new")
    assert one(fresh_database, _SUMS) == before
    monkeypatch.setattr(planning, "RANGE", 200)
    _wait_for_the_lease(fresh_database)
    outcome = rebuilt(fresh_database, CAMPAIGN_METRICS)
    print(f"seed {SEED}: killed with {done} of {total} done, gone on at {outcome.resumed:.0%}")
    assert outcome.resumed > 0.4
    assert outcome.compared is not None
    assert outcome.compared.live == outcome.compared.rebuilt


def test_killed_in_the_swap_either_schema_is_whole(fresh_database: str) -> None:
    filled(fresh_database, SEED, COUNT)
    before = one(fresh_database, _SUMS)

    assert dying(fresh_database, "campaign_metrics", "swap") == -signal.SIGKILL

    assert one(fresh_database, _SUMS) == before
    assert one(fresh_database, "select count(*) from ballyhoo.parked") == 0
    _wait_for_the_lease(fresh_database)
    outcome = rebuilt(fresh_database, CAMPAIGN_METRICS)
    print(f"seed {SEED}: killed between the renames, gone on at {outcome.resumed:.0%}")
    assert outcome.resumed == 1.0
    assert outcome.compared is not None
    assert outcome.compared.live == outcome.compared.rebuilt
    assert one(fresh_database, _SUMS) == before


def _wait_for_the_lease(url: str) -> None:
    """A killed process keeps its lease for ten seconds by the database's clock: let them pass."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("update ballyhoo.leases set until = clock_timestamp() where name like 'rebuild:%'")
