"""A rebuild reads long logs of events in parts, and lets go of everything where it can't go on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.errors import IdleInTransactionSessionTimeout

from adapters.read_models.rebuild import events
from adapters.read_models.rebuild.stopping import Poison
from adapters.read_models.rebuild.workers import connection_of_rebuild
from adapters.read_models.schemas import ensure_schemas
from projections.campaign_list import CAMPAIGN_LIST
from projections.projection import Happened
from tests.bench.filled_events import fill_events
from tests.support.rebuilding import fold, one, rebuilt

_TABLE = "create table pg_temp.campaigns (like campaign_list_v1.campaigns)"


@contextmanager
def _two(url: str) -> Iterator[tuple[Connection[Any], Connection[Any]]]:
    """A connection with a table to fill, and one that reads."""
    with connection_of_rebuild(url) as connection, connection_of_rebuild(url) as log:
        connection.execute(_TABLE)
        yield connection, log


def _log_of(url: str, count: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        ensure_schemas(connection)
    fill_events(url, count)


@pytest.mark.req("EVT-4")
def test_streams_that_come_in_parts_are_whole(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_EVENTS_AT_A_TIME", 3)
    monkeypatch.setattr(events, "_ROWS_AT_A_TIME", 4)
    monkeypatch.setattr("adapters.read_models.rebuild.planning.EVENTS_AT_ONCE", 90)
    _log_of(fresh_database, 400)
    fold(fresh_database)

    outcome = rebuilt(fresh_database, CAMPAIGN_LIST)

    assert outcome.compared is not None
    assert outcome.compared.live == outcome.compared.rebuilt
    assert outcome.compared.rows == 40
    assert one(fresh_database, "select sum(version) from campaign_list_v1.campaigns") == 400


@pytest.mark.req("EVT-4")
def test_what_cannot_be_folded_early_in_a_long_log_is_named_and_both_connections_are_free(fresh_database: str) -> None:
    _log_of(fresh_database, 20_000)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        found = connection.execute(
            "select position from ballyhoo.events where stream = (select min(stream) + 600 from ballyhoo.events)"
            " and version = 3"
        ).fetchone()
        assert found is not None
        connection.execute("alter table ballyhoo.events disable trigger user")
        connection.execute("update ballyhoo.events set state = '{\"by\": 7}' where position = %s", found)

    with _two(fresh_database) as (connection, log):
        with pytest.raises(Poison) as stopped, connection.transaction():
            events.fold_streams(connection, log, CAMPAIGN_LIST, 1, 2**31 - 1, 20_000)

        assert stopped.value.position == found[0]
        assert connection.execute("select count(*) from pg_temp.campaigns").fetchone() == (0,)
        assert log.execute("select 1").fetchone() == (1,)


@pytest.mark.req("EVT-4")
def test_a_worker_that_is_stopped_while_it_folds_loses_its_unit(fresh_database: str) -> None:
    _log_of(fresh_database, 100)

    def stopped(row: Any, happened: Happened) -> Any:
        time.sleep(0.5)
        return CAMPAIGN_LIST.fold(row, happened)

    with _two(fresh_database) as (connection, log):
        connection.execute("set idle_in_transaction_session_timeout = '200ms'")
        with pytest.raises(IdleInTransactionSessionTimeout), connection.transaction():
            events.fold_streams(connection, log, replace(CAMPAIGN_LIST, fold=stopped, fold_all=None), 1, 1, 2)
