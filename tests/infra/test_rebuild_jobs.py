"""A rebuild as a job whose processes die or stop: begun again it goes on, and nothing is done twice."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.postgres.job_at_work import JobAtWork
from adapters.read_models.rebuild.rebuild import Rebuild
from infra.rebuilding import UnknownProjection, places, run_job
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.catalogue import CATALOGUE, UNDER_RULES
from tests.support.folding import rows
from tests.support.rebuilding import filled, one, rebuilt

pytestmark = [pytest.mark.postgres, pytest.mark.req("EVT-4")]

SEED = 99
_ADD = """
insert into ballyhoo.jobs (id, workspace, kind, request, actor, state, attempts)
values (%s, 1, 'rebuild', %s, 'key:test', 'running', 1)
"""
_LEASED = """
insert into ballyhoo.leases (name, owner, until)
values ('rebuild:campaign_metrics', gen_random_uuid(), clock_timestamp() + interval '1 second')
"""
_LIVE = "select to_regnamespace('campaign_metrics_v1')::oid::bigint"


def a_job(url: str, *, back: bool = False) -> UUID:
    """A running job that rebuilds the metrics."""
    id = uuid4()
    request = {"projections": ["campaign_metrics"], "rule": None, "workers": 1, "back": back}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_ADD, (id, json.dumps(request)))
    return id


def state(url: str, id: UUID) -> Any:
    """How a job stands, and its error."""
    return rows(url, "select state, error from ballyhoo.jobs where id = %s", id)[0]


def test_under_a_rule_only_what_is_kept_under_rules_is_rebuilt() -> None:
    assert [place.name for place in places([], "strict")] == [f"{name}:strict" for name in UNDER_RULES]
    assert len(places([])) == len(CATALOGUE)
    with pytest.raises(UnknownProjection, match="no projection campaign_list that is kept under rules"):
        places(["campaign_list"], "strict")


def test_the_lease_of_a_process_that_was_killed_is_waited_for(fresh_database: str) -> None:
    filled(fresh_database, SEED, 60)
    id = a_job(fresh_database)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(_LEASED)

    run_job(fresh_database, id)

    assert state(fresh_database, id) == ("succeeded", None)


def test_a_way_back_that_was_killed_after_its_swap_is_not_undone(fresh_database: str) -> None:
    filled(fresh_database, SEED, 60)
    rebuilt(fresh_database, CAMPAIGN_METRICS)
    before = one(fresh_database, _LIVE)
    id = a_job(fresh_database, back=True)

    with patch.object(JobAtWork, "came_to", side_effect=psycopg.OperationalError), pytest.raises(
        psycopg.OperationalError
    ):
        run_job(fresh_database, id)
    gone_back = one(fresh_database, _LIVE)
    run_job(fresh_database, id)

    assert gone_back != before
    assert one(fresh_database, _LIVE) == gone_back
    assert state(fresh_database, id) == ("succeeded", None)


def test_a_process_whose_job_was_begun_anew_writes_nothing_more(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(fresh_database, SEED, 60)
    id = a_job(fresh_database)

    def begun_anew(*asked: Any, **named: Any) -> Any:
        with psycopg.connect(fresh_database, autocommit=True) as connection:
            connection.execute("update ballyhoo.jobs set attempts = 2 where id = %s", (id,))
        return Rebuild(*asked, **named)

    monkeypatch.setattr("infra.rebuilding.Rebuild", begun_anew)
    run_job(fresh_database, id)

    assert state(fresh_database, id) == ("running", None)
    monkeypatch.undo()
    run_job(fresh_database, id)
    assert state(fresh_database, id) == ("succeeded", None)
