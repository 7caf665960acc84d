"""Which part is not well: read from the database and from the processes that beat in it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.postgres import heartbeat
from adapters.postgres.health import LAGS_AFTER, PostgresHealth
from adapters.postgres.heartbeat import Heartbeat, forget_all, forget_dead
from adapters.postgres.pool import Pool
from tests.bench.filled_log import append, prepare
from tests.waiting import wait_until

pytestmark = pytest.mark.req("OPS-5")


@pytest.fixture
async def unused_pool() -> AsyncIterator[Pool]:
    """A pool of a database that is not there."""
    pool = Pool("postgresql://ann@127.0.0.1:1/b")
    await pool.open()
    yield pool
    await pool.close()


async def test_a_kind_of_process_that_does_not_beat_is_named(pool: Pool, fresh_database: str) -> None:
    health = PostgresHealth(pool)
    assert await health.ready() == {
        "projector": "No projector is running.",
        "worker": "No worker is running.",
    }

    with Heartbeat(fresh_database, "projector"):
        wait_until(lambda: kinds(fresh_database) == ["projector"])
        assert await health.ready() == {"worker": "No worker is running."}

    assert "projector" in await health.ready()


async def test_one_of_two_is_enough(pool: Pool, fresh_database: str) -> None:
    with Heartbeat(fresh_database, "worker"):
        with Heartbeat(fresh_database, "worker"):
            wait_until(lambda: kinds(fresh_database) == ["worker", "worker"])

        assert await PostgresHealth(pool, needed=["worker"]).ready() == {}


def test_the_dead_leave_neither_a_row_nor_leases(fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(
            """
            insert into ballyhoo.processes (id, kind, pid) select id, 'projector', pid
              from (values ('00000000-0000-7000-8000-00000000000a'::uuid, 1001),
                           ('00000000-0000-7000-8000-00000000000b'::uuid, 1002)) v(id, pid);
            insert into ballyhoo.leases (name, owner, until)
              select 'projector:' || pid, id, clock_timestamp() + interval '1 hour' from ballyhoo.processes;
            """
        )

        forget_dead(fresh_database, 1001)

        assert connection.execute("select pid from ballyhoo.processes").fetchall() == [(1002,)]
        assert connection.execute("select name from ballyhoo.leases").fetchall() == [("projector:1002",)]


def test_a_supervisor_that_starts_finds_nobody(fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("insert into ballyhoo.processes (id, kind, pid) values (gen_random_uuid(), 'worker', 1)")

    forget_all(fresh_database)

    assert kinds(fresh_database) == []


async def test_one_that_was_not_heard_of_for_ten_seconds_counts_as_gone(pool: Pool, fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(
            "insert into ballyhoo.processes (id, kind, pid, seen_at)"
            " values (gen_random_uuid(), 'worker', 1, clock_timestamp() - interval '11 seconds')"
        )

    assert await PostgresHealth(pool, needed=["worker"]).ready() == {"worker": "No worker is running."}


async def test_a_migration_that_is_missing_is_named(pool: Pool, fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("delete from ballyhoo.migrations where number = 1")

    assert await PostgresHealth(pool).ready() == {"migrations": "1 migrations are not applied; run ballyhoo migrate."}


async def test_tables_of_a_projection_that_are_missing_are_named(pool: Pool, fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("drop schema campaign_list_v1 cascade")

    assert await PostgresHealth(pool, needed=()).ready() == {
        "migrations": "The tables of campaign_list_v1 are not there; run ballyhoo migrate."
    }


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("relay", {"role": "active", "kafka": "KafkaTimeoutError: no broker"}),
        ("projector", {"projections": {"campaign_metrics": {"state": "running", "trouble": "BrokerAway: nobody"}}}),
    ],
)
async def test_trouble_with_kafka_is_named(
    pool: Pool, fresh_database: str, kind: str, status: dict[str, object]
) -> None:
    tell(fresh_database, kind, status)

    assert await PostgresHealth(pool, needed=()).ready() == {
        "kafka": f"The {kind} can't work with Kafka; their logs and GET /v1/projections say why."
    }


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("relay", {"role": "active", "kafka": "ok"}),
        ("relay", {"role": "standby", "kafka": "KafkaTimeoutError: no broker, when it was active"}),
        ("projector", {"projections": {"campaign_metrics": {"state": "running", "trouble": None}}}),
    ],
)
async def test_without_trouble_nothing_is_named(
    pool: Pool, fresh_database: str, kind: str, status: dict[str, object]
) -> None:
    tell(fresh_database, kind, status)

    assert await PostgresHealth(pool, needed=()).ready() == {}


async def test_read_models_that_lag_are_named(pool: Pool, fresh_database: str) -> None:
    now = datetime.now(UTC)
    prepare(fresh_database, 1)
    append(fresh_database, 5, now - timedelta(seconds=LAGS_AFTER + 1), campaigns=1, contacts=3, days=1.0)

    late = await PostgresHealth(pool, needed=()).ready()
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("update campaign_metrics_v1.checkpoints set high = 5")
        connection.execute("update ab_evidence_v1.checkpoints set high = 5")
    append(fresh_database, 5, now, campaigns=1, contacts=3, days=1.0)
    early = await PostgresHealth(pool, needed=()).ready()

    assert late.keys() == {"lag"}
    assert "campaign_metrics by 5" in late["lag"]
    assert early == {}


async def test_a_database_that_is_away_is_named_soon(unused_pool: Pool) -> None:
    began = time.monotonic()

    assert await PostgresHealth(unused_pool).ready() == {"database": "The database does not answer."}

    assert time.monotonic() - began < 3


def test_a_process_beats_again_after_its_database_was_away(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "EVERY", 0.1)
    with Heartbeat(fresh_database, "worker"):
        wait_until(lambda: kinds(fresh_database) == ["worker"])
        with psycopg.connect(fresh_database, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'heartbeat'"
            )
            connection.execute("delete from ballyhoo.processes")

        wait_until(lambda: kinds(fresh_database) == ["worker"])


async def test_the_numbers_tell_how_far_logs_and_projections_are(pool: Pool, fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("update ballyhoo.log_heads set position = 7 where log = 'engagement'")

    told = (await PostgresHealth(pool).metrics()).decode().splitlines()

    assert 'ballyhoo_log_position{log="engagement"} 7.0' in told
    assert 'ballyhoo_projection_behind{projection="campaign_metrics"} 7.0' in told
    assert "ballyhoo_due_work 0.0" in told
    assert "ballyhoo_database_up 1.0" in told
    assert any(line.startswith("process_resident_memory_bytes ") for line in told)


async def test_the_numbers_tell_what_was_detected_in_kafka(pool: Pool, fresh_database: str) -> None:
    said = {"state": "running", "detections": {"gap": 2, "topic_exchanged": 1}}
    silent = {"state": "running"}  # as an older build says it
    tell(fresh_database, "projector", {"projections": {"campaign_metrics": said, "campaign_list": silent}})

    told = (await PostgresHealth(pool).metrics()).decode().splitlines()

    assert 'ballyhoo_kafka_detections{kind="gap",projection="campaign_metrics"} 2.0' in told
    assert 'ballyhoo_kafka_detections{kind="topic_exchanged",projection="campaign_metrics"} 1.0' in told


async def test_without_a_database_the_numbers_say_so(unused_pool: Pool) -> None:
    told = (await PostgresHealth(unused_pool).metrics()).decode().splitlines()

    assert "ballyhoo_database_up 0.0" in told


def tell(database: str, kind: str, status: dict[str, object]) -> None:
    """A process of this kind says how it stands."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "insert into ballyhoo.processes (id, kind, pid, status) values (gen_random_uuid(), %s, 1, %s)",
            (kind, json.dumps(status)),
        )


def kinds(database: str) -> list[str]:
    with psycopg.connect(database, autocommit=True) as connection:
        return [kind for (kind,) in connection.execute("select kind from ballyhoo.processes order by kind")]
