"""What statements read does not grow with what they are not asked for, nor where Postgres knows nothing of the log yet,
as in the first minute of a new partition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from adapters.read_models.schemas import ensure_schemas
from adapters.read_models.self_check import stream_differences
from projections import ab_test_list, campaign_query
from projections.ab_evidence import AB_EVIDENCE
from projections.ab_test_list import ABTestQuery
from projections.campaign_list import CAMPAIGN_LIST
from projections.campaign_metrics import CAMPAIGN_METRICS, standing
from projections.campaign_metrics.standing import Standing
from projections.campaign_query import CampaignQuery
from projections.projection import FactProjection, placed
from tests.bench.filled_events import fill_events
from tests.support.rebuilding import fold
from tests.support.told import make_campaigns

_FACTS = """
insert into ballyhoo.facts (position, recorded_at, occurred_at, contact, workspace, campaign, quantity, kind, type,
    part, voided, id, voids_position)
select n, %(at)s, %(at)s, gen_random_uuid(), 1, %(campaign)s, 1, case when n %% 20 = 0 then 13 else 9 end, 0, 0, false,
    n::text, case when n %% 20 = 0 then n - 1 end
  from generate_series(1, 20000) n
"""
_PARTITION = "select tableoid::regclass::text from ballyhoo.facts limit 1"


@pytest.mark.req("EVT-4")
@pytest.mark.parametrize("projection", [CAMPAIGN_METRICS, AB_EVIDENCE], ids=lambda projection: projection.name)
def test_a_void_finds_its_fact_without_looking_through_its_campaign(
    fresh_database: str, projection: FactProjection
) -> None:
    (place,) = make_campaigns(fresh_database, [["USD"]])
    at = datetime(2026, 11, 20, tzinfo=UTC)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        ensure_schemas(connection)
        connection.execute("select ballyhoo.make_partition(%s)", (at,))
        with connection.transaction():
            connection.execute(_FACTS, {"at": at, "campaign": place.stream})
            partition = connection.execute(_PARTITION).fetchone()
            assert partition is not None
            connection.execute(f"alter table {partition[0]} set (autovacuum_enabled = false)".encode())
        connection.execute("set plan_cache_mode = force_custom_plan")
        (taken_back,) = projection.whole.before
        asked = "explain " + taken_back.partition("insert into taken_back")[2].replace("$log", "ballyhoo.facts")
        plan = "\n".join(row[0] for row in connection.execute(asked.encode(), {"high": 20_000}).fetchall())

    assert "campaign_occurred_at_idx" not in plan


_CAMPAIGNS = """
insert into campaign_list_v1.campaigns (stream, workspace, id, version, created_at, updated_at, name, status, type,
    deleted, platforms, tags, words, state)
select n, 1 + n % 2, gen_random_uuid(), 1, timestamptz '2026-01-01Z' + n * interval '1 s', now(), 'n' || n, 'draft',
    'promotion', false, '{email}', '{a}', 'n' || n, repeat('x', 500)
  from generate_series(1, 10000) n
"""
_TESTS = """
insert into ab_test_list_v1.ab_tests (stream, workspace, id, version, created_at, updated_at, campaign, status, state)
select n, 1 + n % 2, gen_random_uuid(), 1, timestamptz '2026-01-01Z' + n * interval '1 s', now(), gen_random_uuid(),
    'draft', repeat('x', 500)
  from generate_series(1, 10000) n
"""
_LABEL_SETS = """
insert into ballyhoo.label_sets (campaign, digest, platform)
select 1 + n % 200, gen_random_uuid(), 'p' || n / 200 from generate_series(1, 10000) n
"""
_CUSTOM_KINDS = """
insert into ballyhoo.custom_kinds (workspace, name) select 1, 'k' || n from generate_series(1, 10000) n
"""
_TOTALS = """
insert into campaign_metrics_v1.totals (campaign, labels, kind, type, n, amount)
select campaign, id, 9, 0, 1, 0 from ballyhoo.label_sets
"""
_READ = """
select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::int from pg_stat_xact_user_tables
 where schemaname || '.' || relname = %s
"""


@pytest.mark.req("CAM-1")
@pytest.mark.parametrize("after", [None, ("2026-01-01T01:00:00+00:00", UUID(int=0))], ids=["first", "later"])
def test_a_page_of_a_list_reads_what_it_shows(fresh_database: str, after: tuple[str, UUID] | None) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        ensure_schemas(connection)
        connection.execute(_CAMPAIGNS)
        connection.execute(_TESTS)
        connection.execute("analyze")
        campaigns, asked = campaign_query.statement(CampaignQuery(limit=20, after=after))
        campaigns = campaigns.replace("$metrics", CAMPAIGN_METRICS.schema)
        tests, asked_of_tests = ab_test_list.statement(
            ABTestQuery(limit=20, after=None if after is None else json.dumps([after[0], str(after[1])]))
        )

        with _counting(connection, "campaign_list_v1.campaigns") as read:
            connection.execute(campaigns.encode(), asked | {"workspace": 1}, prepare=True)
        assert 20 < read[0] <= 22
        with _counting(connection, "ab_test_list_v1.ab_tests") as read:
            connection.execute(tests.encode(), asked_of_tests | {"workspace": 1}, prepare=True)
        assert 20 < read[0] <= 22


@pytest.mark.req("EVT-4")
@pytest.mark.parametrize(("table", "rows"), [("ballyhoo.label_sets", 50), ("ballyhoo.custom_kinds", 0)])
def test_figures_look_up_the_names_of_their_campaign_only(fresh_database: str, table: str, rows: int) -> None:
    places = make_campaigns(fresh_database, [["USD"] * 200])
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        ensure_schemas(connection)
        connection.execute(_LABEL_SETS)
        connection.execute(_CUSTOM_KINDS)
        connection.execute(_TOTALS)
        connection.execute("analyze")
        asked = standing.parameters([Standing(1, places[0].id, ("platform",))])

        with _counting(connection, table) as read:
            found = connection.execute(placed(standing.WHOLE, CAMPAIGN_METRICS.schema).encode(), asked, prepare=True)

    assert found.rowcount > 10
    assert read[0] == rows


@pytest.mark.req("OPS-5")
def test_a_stream_is_checked_without_reading_what_came_meanwhile(fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        ensure_schemas(connection)
        fill_events(fresh_database, 1_000)
        connection.execute("analyze")
        fold(fresh_database)

        with _counting(connection, "ballyhoo.events") as read:
            assert stream_differences(connection, CAMPAIGN_LIST, 50) == 0

    assert 20 <= read[0] <= 22


@contextmanager
def _counting(connection: psycopg.Connection[Any], table: str) -> Iterator[list[int]]:
    """How many rows of ``table`` are read meanwhile by statements prepared once for everything that may be asked."""

    def read() -> int:
        found = connection.execute(_READ, (table,), prepare=True).fetchone()
        assert found is not None
        return int(found[0])

    counted: list[int] = []
    with connection.transaction():
        connection.execute("set local plan_cache_mode = force_generic_plan")
        before = read()
        yield counted
        counted.append(read() - before)
