"""Statements stay fast where Postgres knows nothing of the log yet, as in the first minute of a new partition."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from adapters.read_models.schemas import ensure_schemas
from projections.ab_evidence import AB_EVIDENCE
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.projection import FactProjection
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
