"""Statements through the pool: what psycopg would answer, and what becomes of them when something is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from adapters.postgres import pool as pool_module
from adapters.postgres import reading
from adapters.postgres.pool import Pool
from application.ports import Unavailable
from tests.adapters.engagement_log.cutting import cutting

AT = datetime(2026, 12, 1, 8, 0, 0, 1, UTC)
ID = UUID("01935000-0000-7000-8000-000000000001")


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Pool]:
    """A pool that is closed with the context."""
    pool = Pool(url, **options)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """Two connections of the engine."""
    async with opened(database_url, role="ballyhoo_engine", size=2) as pool:
        yield pool


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("select 1, 'a', null, true", None),
        ("select 10 % 3, '%s'", None),
        ("select %s, %s", (1, "Blätter 🍂")),
        ("select %s, 10 %% 3, '%%'", (1,)),
        ("select %(b)s, %(a)s, %(b)s", {"a": 1, "b": "two"}),
        ("select %s::uuid, %s::timestamptz, %s::bytea", (ID, AT, b"\0\xff")),
        ("select %s::numeric, %s::interval", (Decimal("1.50"), timedelta(hours=1))),
        ("select %s::int, %s::text, %s::uuid", (None, None, None)),
        ("select %s::int[], %s::text[], %s::uuid[]", ([1, 2], ["a", None], [])),
        ("select %s::jsonb -> 'a', %s = any(%s)", (Jsonb({"a": [1, None, 0.5]}), 2, [1, 2])),
        ("select %b::int8, %t::text", (2**40, "x")),
        ("select n, n::text from generate_series(1, %s) n", (1000,)),
        ("select 1 where false", ()),
        ("select current_user::text, current_setting('timezone')", None),
        ("update ballyhoo.due_work set attempts = 0 where false", None),
    ],
)  # fmt: skip
async def test_a_statement_answers_what_the_driver_would(
    pool: Pool, database_url: str, statement: str, parameters: Any
) -> None:
    with psycopg.connect(database_url, options="-c role=ballyhoo_engine -c timezone=UTC") as driver:
        cursor = driver.execute(statement.encode(), parameters, binary=True)
        expected = cursor.fetchall() if cursor.description else []

    for _ in range(3):
        assert await pool.rows(statement, parameters) == expected


async def test_a_parameter_may_change_its_type_from_call_to_call(pool: Pool) -> None:
    values: list[Any] = ["a", None, 5, None, "b", 2**40]

    found = [await pool.rows("select %s::text", (value,)) for value in values]

    assert found == [[(None if value is None else str(value),)] for value in values]


async def test_a_refused_statement_says_why_and_harms_no_other(pool: Pool) -> None:
    for _ in range(3):
        with pytest.raises(psycopg.errors.UndefinedTable):
            await pool.rows("select * from no_such_table")
        with pytest.raises(psycopg.errors.DivisionByZero):
            await pool.rows("select 1 / %s::int", (0,))
        assert await pool.rows("select 1") == [(1,)]


async def test_many_statements_share_few_connections(pool: Pool) -> None:
    found = await asyncio.gather(*[pool.rows("select %s::int, pg_backend_pid()", (n,)) for n in range(50)])

    assert [rows[0][0] for rows in found] == list(range(50))
    assert len({rows[0][1] for rows in found}) <= 2


async def test_more_statements_than_a_connection_keeps(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_PREPARED", 5)

    for number in range(30):
        assert await pool.rows(f"select {number % 12}, %s::int", (number,)) == [(number % 12, number)]


async def test_large_questions_and_answers(pool: Pool) -> None:
    large = b"x" * 20_000_000

    rows = await pool.rows("select %s::bytea, octet_length(%s::bytea)", (large, large))

    assert rows == [(large, len(large))]


async def test_a_connection_that_died_is_replaced_without_a_word(pool: Pool, database_url: str) -> None:
    pids = {(await pool.rows("select pg_backend_pid()"))[0][0] for _ in range(3)}
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("select pg_terminate_backend(pid) from unnest(%s::int[]) pid", (list(pids),))

    ((pid,),) = await pool.rows("select pg_backend_pid()")

    assert pid not in pids


async def test_a_lost_reply_is_asked_for_again(database_url: str) -> None:
    async with cutting(database_url) as network, opened(network.url) as pool:
        await pool.rows("select 1")
        network.lose_replies = True

        assert await pool.rows("select 2") == [(2,)]
        assert network.cuts == 1


async def test_a_database_that_is_away_is_waited_for_and_then_said_to_be(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "PATIENCE", 0.5)
    async with cutting(database_url) as network, opened(network.url) as pool:
        await pool.rows("select 1")
        network.down = True
        network.cut()

        began = time.monotonic()
        with pytest.raises(Unavailable):
            await pool.rows("select 1")
        assert 0.3 < time.monotonic() - began < 3

        back = asyncio.create_task(pool.rows("select 3"))
        await asyncio.sleep(0.2)
        network.down = False
        assert await back == [(3,)]


async def test_a_pool_whose_connections_are_all_busy_says_so(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "PATIENCE", 0.2)
    async with opened(database_url, size=1) as pool:
        slow = asyncio.create_task(pool.rows("select pg_sleep(1)"))
        await asyncio.sleep(0.1)

        with pytest.raises(Unavailable, match="busy"):
            await pool.rows("select 1")
        await slow
        assert await pool.rows("select 1") == [(1,)]


async def test_a_question_that_takes_too_long_is_given_up(database_url: str) -> None:
    async with opened(database_url, size=1) as pool:
        await pool.rows("select set_config('statement_timeout', '100', false)")

        with pytest.raises(Unavailable, match="too long"):
            await pool.rows("select pg_sleep(5)")
        assert await pool.rows("select 1") == [(1,)]


async def test_a_caller_who_gives_up_leaves_no_answer_behind(database_url: str) -> None:
    async with opened(database_url, size=1) as pool:
        asking = asyncio.create_task(pool.rows("select pg_sleep(0.3), 'late'"))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        assert await pool.rows("select 'mine'") == [("mine",)]


async def test_a_silent_database_counts_as_lost(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_SILENCE", 0.2)
    async with opened(database_url, size=1) as pool:
        with pytest.raises(Unavailable):
            await pool.rows("select pg_sleep(5)")


async def test_several_statements_in_one_transaction(pool: Pool) -> None:
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("create temp table scratch (n int) on commit drop")
        await connection.execute("insert into scratch values (1)")
        assert await (await connection.execute("select n from scratch")).fetchall() == [(1,)]
