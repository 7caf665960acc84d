"""What /metrics tells: this process's own numbers, and those of the logs, the projections and the work that is due.

No number bears the name of a workspace, a campaign or a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest

from adapters.postgres.pool import Pool
from application.ports import Unavailable
from projections.catalogue import CATALOGUE
from projections.projection import placed

PATIENCE = 2.0
"""Seconds after which a database that says nothing counts as away."""

_LOGS = "select log, position from ballyhoo.log_heads"
_PROCESSES = """
select kind, count(*) from ballyhoo.processes
  where seen_at > clock_timestamp() - interval '10 seconds' group by kind
"""
_PARKED = "select projection, count(*) from ballyhoo.parked group by projection"
_DIFFERENCES = """
select p.key, sum(coalesce((p.value ->> 'differences')::int, 0))
  from ballyhoo.processes, jsonb_each(status -> 'projections') p
 where kind = 'projector' and position(':' in p.key) = 0 and seen_at > clock_timestamp() - interval '10 seconds'
 group by p.key
"""
_DETECTIONS = """
select p.key, d.key, sum(d.value::int)
  from ballyhoo.processes, jsonb_each(status -> 'projections') p, jsonb_each_text(p.value -> 'detections') d
 where kind = 'projector' and position(':' in p.key) = 0 and seen_at > clock_timestamp() - interval '10 seconds'
 group by p.key, d.key
"""
_LOWEST = "select %s::text, %s::text, min(high) from $schema.checkpoints where log = %s"
_DUE = """
select count(*), coalesce(extract(epoch from clock_timestamp() - min(due_at)), 0)::float8
  from ballyhoo.due_work where due_at <= now()
"""


async def exposition(pool: Pool) -> bytes:
    """All numbers in Prometheus's text format; without a database, those of the process and the news of that."""
    registry = CollectorRegistry()
    up = Gauge("ballyhoo_database_up", "1 where the database answers.", registry=registry)
    try:
        async with asyncio.timeout(PATIENCE):
            await _ask(pool, registry)
        up.set(1)
    except (Unavailable, TimeoutError):
        up.set(0)
    return generate_latest(REGISTRY) + generate_latest(registry)


async def _ask(pool: Pool, registry: CollectorRegistry) -> None:
    heads = dict(await pool.rows(_LOGS))
    _fill(registry, "log_position", "Records that a log holds.", "log", heads.items())
    lowest = " union all ".join(placed(_LOWEST, projection.schema) for projection in CATALOGUE)
    behind = await pool.rows(lowest, [word for one in CATALOGUE for word in (one.name, one.log, one.log)])
    _fill(
        registry, "projection_behind", "Records that a projection has not read yet.", "projection",
        ((name, heads[log] - high) for name, log, high in behind),
    )  # fmt: skip
    _fill(registry, "processes", "Running processes.", "kind", await pool.rows(_PROCESSES))
    _fill(registry, "parked", "Records that a projection left out.", "projection", await pool.rows(_PARKED))
    _fill(
        registry, "projection_differences", "Sampled rows that are not what the log says; must be 0.", "projection",
        await pool.rows(_DIFFERENCES),
    )  # fmt: skip
    detections = Gauge(
        "ballyhoo_kafka_detections", "Gaps, exchanged topics, lost offsets, strangers: the store was read instead.",
        ["projection", "kind"], registry=registry,
    )  # fmt: skip
    for name, kind, many in await pool.rows(_DETECTIONS):
        detections.labels(name, kind).set(many)
    ((count, oldest),) = await pool.rows(_DUE)
    Gauge("ballyhoo_due_work", "Work whose time has come.", registry=registry).set(count)
    Gauge("ballyhoo_due_work_late_seconds", "How late the oldest of it is.", registry=registry).set(oldest)


def _fill(registry: CollectorRegistry, name: str, what: str, label: str, rows: Iterable[tuple[Any, ...]]) -> None:
    gauge = Gauge(f"ballyhoo_{name}", what, [label], registry=registry)
    for value, number in rows:
        gauge.labels(value).set(number)
