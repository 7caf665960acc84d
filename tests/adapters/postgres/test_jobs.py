"""Jobs in their table: queued once, claimed under a lease, counted where they die."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.postgres.jobs import MOST_ATTEMPTS, JobQueue, PostgresJobs
from adapters.postgres.pool import Pool
from adapters.postgres.rules import PostgresRules
from application.ports_jobs import Job, RebuildRunning
from application.ports_rules import Rule, RuleExists
from tests.support.folding import rows

pytestmark = [pytest.mark.postgres, pytest.mark.req("EVT-4")]

NAMES = ["campaign_metrics"]
_AWAY = "update ballyhoo.jobs set leased_until = clock_timestamp() + interval '1 hour'"
_OVER = "update ballyhoo.jobs set leased_until = clock_timestamp() - interval '1 second'"


def asked(pool: Pool, id: UUID | None = None) -> Any:
    """A rebuild that is asked for."""
    return PostgresJobs(pool).add_rebuild(1, "key:test", id or uuid4(), {"workers": 1}, NAMES)


def told(url: str, statement: str) -> None:
    """Change the table by hand."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


async def test_of_many_that_ask_at_once_one_is_queued(pool: Pool) -> None:
    found = await asyncio.gather(*(asked(pool) for _ in range(6)), return_exceptions=True)

    assert [type(one) for one in found if not isinstance(one, Job)] == [RebuildRunning] * 5


async def test_what_is_asked_again_under_its_id_is_the_same_job_in_every_state(pool: Pool, fresh_database: str) -> None:
    id = uuid4()
    first = await asked(pool, id)
    assert await asked(pool, id) == first

    told(fresh_database, "update ballyhoo.jobs set state = 'succeeded'")
    assert (await asked(pool, id)).state == "succeeded"
    assert rows(fresh_database, "select count(*) from ballyhoo.jobs") == [(1,)]


async def test_a_cancel_that_is_repeated_is_answered_again(pool: Pool) -> None:
    job = await asked(pool)
    first = await PostgresJobs(pool).cancel(1, job.id)
    assert first.state == "cancelled"
    assert await PostgresJobs(pool).cancel(1, job.id) == first


async def test_only_a_death_is_counted_as_an_attempt_that_failed(pool: Pool, fresh_database: str) -> None:
    await asked(pool)
    queue = JobQueue(pool, uuid4())
    for _ in range(MOST_ATTEMPTS + 1):
        job = await queue.claim()
        assert job is not None
        assert job.attempts == 1
        await queue.let_go(job, died=False)

    job = await queue.claim()
    assert job is not None
    await queue.let_go(job, died=True)
    assert await queue.claim() is None
    told(fresh_database, _OVER)
    job = await queue.claim()
    assert job is not None
    assert job.attempts == 2


async def test_a_lease_from_before_the_clock_was_set_back_holds_nobody_up(pool: Pool, fresh_database: str) -> None:
    await asked(pool)
    first, second = JobQueue(pool, uuid4()), JobQueue(pool, uuid4())
    assert await first.claim() is not None
    assert await second.claim() is None
    told(fresh_database, _AWAY)
    assert await second.claim() is not None


async def test_a_rule_is_put_in_once_and_its_repeat_is_no_other(pool: Pool) -> None:
    rules = PostgresRules(pool)
    rule = Rule("strict", "bots", {"words": ["spider"]})
    await rules.add(rule, "key:a")
    await rules.add(rule, "key:a")
    with pytest.raises(RuleExists):
        await rules.add(rule, "key:b")
    with pytest.raises(RuleExists):
        await rules.add(Rule("strict", "bots", {"words": ["other"]}), "key:a")
