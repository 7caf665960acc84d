"""Metrics and return on investment over HTTP against a FastAPI route on the same server that checks the same key and
returns a constant.

    python -m tests.bench.bench_queries_http

Of ``BENCH_CAMPAIGNS`` (50) campaigns with ``BENCH_FACTS`` (100,000) facts together, one after another: in total, by
platform, and their return on investment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import psycopg

from adapters.event_store.workspaces import hashed
from projections.campaign_metrics import CAMPAIGN_METRICS
from tests.bench import filled_log
from tests.bench.app import DATABASE, TOKEN
from tests.bench.commands_app import CONSTANT
from tests.bench.harness import Result, Sample, database, durability, interleaved, load, post, serving
from tests.support.client import Client
from tests.support.projector import caught_up, projector

FACTS = int(os.environ.get("BENCH_FACTS", "100000"))
CAMPAIGNS = int(os.environ.get("BENCH_CAMPAIGNS", "50"))
CONNECTIONS = 64
_KEY = "insert into ballyhoo.api_keys (id, workspace, role, hash) values (%s, 1, 'owner', %s)"
QUESTIONS = {"metrics": "/metrics", "metrics by platform": "/metrics?group_by=platform", "return on investment": "/roi"}


def results() -> Iterator[Result]:
    """A row for each question."""
    with database() as url:
        print(durability(url))
        filled_log.prepare(url, CAMPAIGNS)
        filled_log.append(url, FACTS, datetime.now(UTC), campaigns=CAMPAIGNS, contacts=FACTS // 10, days=90)
        with projector(url, projections=[CAMPAIGN_METRICS]):
            caught_up(url, 600, [CAMPAIGN_METRICS])
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("vacuum analyze")
            campaigns = [id for (id,) in connection.execute("select id from ballyhoo.streams").fetchall()]
            connection.execute(_KEY, (uuid4(), hashed(TOKEN)))
        with serving("tests.bench.commands_app", {DATABASE: url}) as port:
            client = Client(f"http://127.0.0.1:{port}", TOKEN)
            answers = [client.get(f"/v1/campaigns/{campaign}/metrics").ok() for campaign in campaigns]
            exact = sum(answer.body["total"]["conversions"] for answer in answers) * 10 == FACTS
            for name, path in QUESTIONS.items():
                yield _measured(port, name, [f"/v1/campaigns/{campaign}{path}" for campaign in campaigns], exact)


def _measured(port: int, name: str, paths: list[str], exact: bool) -> Result:
    def loaded(requests: list[bytes]) -> Sample:
        seen = load(port, requests, connections=CONNECTIONS, repeat=True)
        return Sample(seen["requests"] / seen["seconds"], seen["p50"], seen["p99"])

    questions = [
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode() for path in paths
    ]
    samples, others = interleaved(lambda: loaded(questions), lambda: loaded([post(CONSTANT, b"", TOKEN)]))
    return Result(
        f"{name} over HTTP, {CAMPAIGNS} campaigns, {FACTS:,} facts, {CONNECTIONS} connections", "FastAPI constant",
        samples, others, "requests/s", str(exact), 0.25, 0.5,
    )  # fmt: skip


if __name__ == "__main__":
    for result in results():
        print(result)
