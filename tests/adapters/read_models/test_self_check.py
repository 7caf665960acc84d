"""Rows are made anew from the log now and then: what is right makes no difference, what was altered does."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import psycopg
import pytest

from adapters.read_models.leases import Leases, connect
from adapters.read_models.runner import Runner
from adapters.read_models.self_check import SelfCheck, campaign_differences
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.catalogue import CATALOGUE
from projections.projection import Projection
from tests.plugins.databases import Server
from tests.support.projector import projector
from tests.support.rebuilding import filled, named, one, rebuilt
from tests.waiting import wait_until

SEED = 90210


@pytest.fixture(scope="module")
def url(server: Server) -> Iterator[str]:
    """Forty days of facts, folded."""
    print(f"seed {SEED}")
    name = server.clone()
    filled(server.database(name), SEED, 600)
    yield server.database(name)
    server.drop(name)


def checked(url: str, projection: Projection, check: SelfCheck) -> int:
    """What one round finds."""
    with connect(url, "check", statement_timeout_ms=60_000) as connection:
        return check.check(connection, projection)


@pytest.mark.req("OPS-5")
@pytest.mark.parametrize("name", [projection.name for projection in CATALOGUE])
def test_what_was_folded_is_what_the_log_says(url: str, name: str) -> None:
    check = SelfCheck(url, Leases.__new__(Leases), CATALOGUE)

    assert [checked(url, named(name), check) for _ in range(5)] == [0] * 5


@pytest.mark.req("OPS-5")
@pytest.mark.parametrize(
    ("table", "change"),
    [("totals", "n = n + 1"), ("contacts", "sent = now()"), ("uniques", "reach = reach + 1"), ("days", "amount = 5")],
)
def test_an_altered_row_of_a_campaign_is_a_difference(url: str, table: str, change: str) -> None:
    campaign = one(url, f"select campaign from campaign_metrics_v1.{table} limit 1")  # noqa: S608
    statement = f"update campaign_metrics_v1.{table} set {change} where ctid ="  # noqa: S608
    chosen = f" (select ctid from campaign_metrics_v1.{table} where campaign = %s limit 1)"  # noqa: S608
    with connect(url, "check", statement_timeout_ms=60_000) as connection:
        with connection.transaction(force_rollback=True):
            connection.execute((statement + chosen).encode(), (campaign,))
            assert campaign_differences(connection, CAMPAIGN_METRICS, campaign) == 2
        with connection.transaction():
            assert campaign_differences(connection, CAMPAIGN_METRICS, campaign) == 0


@pytest.mark.req("OPS-5")
def test_a_row_of_the_list_that_was_altered_is_seen_until_it_was_rebuilt(url: str) -> None:
    check = SelfCheck(url, Leases.__new__(Leases), CATALOGUE)
    check._random = random.Random(SEED)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("update campaign_list_v1.campaigns set version = version + 1")
    wait_until(lambda: checked(url, named("campaign_list"), check) > 0, 20)

    compared = rebuilt(url, named("campaign_list")).compared

    assert compared is not None
    assert compared.first_difference is not None
    assert compared.first_difference["columns"] == ["version"]
    assert checked(url, named("campaign_list"), check) == 0


@pytest.mark.req("OPS-5")
def test_a_projector_tells_how_many_rows_differ(fresh_database: str) -> None:
    filled(fresh_database, SEED, 100)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("update campaign_metrics_v1.totals set n = n + 1")
    told = "select max((status -> 'projections' -> 'campaign_metrics' ->> 'differences')::int) from ballyhoo.processes"

    with projector(fresh_database, check_every=0.2):
        wait_until(lambda: (one(fresh_database, told) or 0) > 0, 30)




@pytest.mark.req("OPS-5")
def test_a_projector_that_stops_does_not_wait_for_a_long_check(fresh_database: str) -> None:
    filled(fresh_database, SEED, 100)
    waiting = "select count(*) from pg_stat_activity where application_name = 'self-check' and wait_event_type = 'Lock'"
    stop = threading.Event()
    runner = threading.Thread(target=Runner(fresh_database, check_every=0.1).run, args=(stop,))

    with psycopg.connect(fresh_database) as holding:
        holding.execute("lock table campaign_metrics_v1.totals in access exclusive mode")
        runner.start()
        wait_until(lambda: one(fresh_database, waiting) > 0, 30)
        stop.set()
        runner.join(20)

    assert not runner.is_alive()
