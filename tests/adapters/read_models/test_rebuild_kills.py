"""Rebuilds that are killed: half way, in the midst of the swap's renames, and right after them."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack

import psycopg
import pytest

from adapters.read_models.rebuild import gate, planning, units
from adapters.read_models.rebuild.gate import shut
from adapters.read_models.rebuild.places import live
from adapters.read_models.rebuild.rebuild import Progress
from adapters.read_models.rebuild.stopping import RebuildStopped
from adapters.read_models.rebuild.workers import connection_of_rebuild
from projections.campaign_list import CAMPAIGN_LIST
from projections.campaign_metrics import CAMPAIGN_METRICS
from tests.support.rebuilding import checksum, dying, filled, one, rebuilt

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


@pytest.mark.parametrize(("where", "swapped"), [("swap", False), ("renamed", False), ("committed", True)])
def test_killed_in_the_swap_either_schema_is_whole(fresh_database: str, where: str, swapped: bool) -> None:
    filled(fresh_database, SEED, COUNT)
    stands, former = CAMPAIGN_METRICS.schema, f"{CAMPAIGN_METRICS.schema}_old"
    right = checksum(fresh_database, CAMPAIGN_METRICS, stands)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("update campaign_metrics_v1.totals set n = n + 1")
    wrong = checksum(fresh_database, CAMPAIGN_METRICS, stands)

    assert dying(fresh_database, "campaign_metrics", where) == -signal.SIGKILL

    assert checksum(fresh_database, CAMPAIGN_METRICS, stands) == (right if swapped else wrong)
    assert one(fresh_database, "select to_regnamespace(%s) is not null", (former,)) is swapped
    if swapped:
        assert checksum(fresh_database, CAMPAIGN_METRICS, former) == wrong
    assert one(fresh_database, "select count(*) from ballyhoo.parked") == 0
    _wait_for_the_lease(fresh_database)
    outcome = rebuilt(fresh_database, CAMPAIGN_METRICS)
    whole = "the new one" if swapped else "the old one"
    print(f"seed {SEED}: killed ({where}), {whole} stood whole, gone on at {outcome.resumed:.0%}")
    assert outcome.resumed == (0.0 if swapped else 1.0)
    assert outcome.compared is not None
    assert (outcome.compared.live, outcome.compared.rebuilt) == (right if swapped else wrong, right)
    assert checksum(fresh_database, CAMPAIGN_METRICS, stands) == right


def test_a_shadow_that_another_run_has_begun_anew_is_not_swapped(fresh_database: str) -> None:
    filled(fresh_database, SEED, COUNT)
    before = checksum(fresh_database, CAMPAIGN_METRICS, CAMPAIGN_METRICS.schema)

    def tell(progress: Progress) -> None:
        if progress.phase == "swaps":
            with psycopg.connect(fresh_database, autocommit=True) as connection:
                connection.execute("update campaign_metrics_v1_new.rebuild_run set run = gen_random_uuid()")

    with pytest.raises(RebuildStopped, match="Another rebuild of campaign_metrics has taken over"):
        rebuilt(fresh_database, CAMPAIGN_METRICS, tell=tell)

    assert checksum(fresh_database, CAMPAIGN_METRICS, CAMPAIGN_METRICS.schema) == before
    assert rebuilt(fresh_database, CAMPAIGN_METRICS).compared is not None


def test_a_rebuild_that_is_stopped_while_it_has_the_lock_loses_it(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(fresh_database, SEED, 100)
    monkeypatch.setattr(gate, "IDLE", "300ms")
    place = live(CAMPAIGN_METRICS)

    with connection_of_rebuild(fresh_database) as stopped, connection_of_rebuild(fresh_database) as other:
        with ExitStack() as stack:
            stack.enter_context(shut(stopped, place, lambda: None))
            with shut(other, place, lambda: None):
                pass  # once the other's session has ended
            with pytest.raises(psycopg.OperationalError):
                stopped.execute("select 1")
        time.sleep(0.5)
        other.execute("select 1")


def test_the_code_that_folds_is_part_of_what_a_rebuild_goes_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    before = planning.fingerprint_of(live(CAMPAIGN_LIST))
    assert planning.fingerprint_of(live(CAMPAIGN_LIST)) == before
    monkeypatch.setattr(planning, "_sources", lambda: "changed")
    assert planning.fingerprint_of(live(CAMPAIGN_LIST)) != before


def _wait_for_the_lease(url: str) -> None:
    """A killed process keeps its lease for ten seconds by the database's clock: let them pass."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("update ballyhoo.leases set until = clock_timestamp() where name like 'rebuild:%'")
