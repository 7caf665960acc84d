"""What ``GET /v1/projections`` tells of a projection that reads Kafka."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from adapters.postgres.pool import Pool
from adapters.read_models.reader import PostgresReads

WELL: dict[str, Any] = {
    "state": "running", "source": "kafka", "error": None, "trouble": None, "last_detection": None, "detections": {}
}  # fmt: skip


@pytest.mark.req("EVT-3", "OPS-5")
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, None),
        ({"last_detection": "gap: in partitions [3]"}, "gap: in partitions [3]"),
        ({"last_detection": "gap: in partitions [3]", "trouble": "BrokerAway: nobody"}, "BrokerAway: nobody"),
        ({"trouble": "BrokerAway: nobody", "error": "Stopped: look"}, "Stopped: look"),
    ],
)
async def test_the_last_error_is_what_went_wrong_or_what_was_detected(
    fresh_database: str, said: dict[str, Any], told: str | None
) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(
            "insert into ballyhoo.processes (id, kind, pid, status) values (gen_random_uuid(), 'projector', 1, %s)",
            (json.dumps({"projections": {"campaign_metrics": WELL | said}}),),
        )
    pool = Pool(fresh_database)
    await pool.open()

    read = await PostgresReads(pool, lambda: UUID(int=0)).projections(1)

    await pool.close()
    found = {status.name: status for status in read.value}["campaign_metrics"]
    assert (found.source, found.last_error) == ("kafka", told)
