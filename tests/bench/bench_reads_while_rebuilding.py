"""Reads and new facts while every read model is rebuilt: no error, and a p99 of at most the larger of twice the usual
one and 50 ms; afterwards each table is what it was by checksum, and what plain Python makes of the log.

    python -m tests.bench.bench_reads_while_rebuilding

The product's own processes over TCP. ``BENCH_FACTS`` (1,000,000) and ``BENCH_EVENTS`` (100,000) are in the log before;
``BENCH_WORKERS`` (1) rebuild; the usual p99 is that of ``BENCH_USUAL`` (30) seconds before. Ends with 1 where anything
of this is not so.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict

from adapters.event_store.workspaces import hashed, new_key
from adapters.read_models.rebuild.places import live
from adapters.read_models.rebuild.rebuild import Outcome, Rebuild
from adapters.read_models.schemas import ensure_schemas
from infra.rebuilding import said
from projections.catalogue import CATALOGUE
from tests.bench import filled_log
from tests.bench.filled_events import fill_events
from tests.bench.harness import database, durability
from tests.bench.log_oracle import look_at_campaigns, look_at_evidence, look_at_metrics
from tests.bench.steady import Lanes, Seen, steady
from tests.support.projector import caught_up
from tests.support.rebuilding import told_now
from tests.support.server import product
from tests.support.told import Place, forty_days

FACTS = int(os.environ.get("BENCH_FACTS", "1000000"))
EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
WORKERS = int(os.environ.get("BENCH_WORKERS", "1"))
USUAL = float(os.environ.get("BENCH_USUAL", "30"))
SEED = int(os.environ.get("BENCH_SEED", "4711"))

CAMPAIGNS, CONTACTS, DAYS = 200, 50_000, 30
READS, BATCHES, COMMANDS = 100.0, 10.0, 2.0
"""Requests a second; a batch has ten facts."""
MOST = 0.050
WARM = 5.0
LONGEST = 900
"""Seconds for which requests are made beforehand."""

_ORACLES = {
    "campaign_metrics": look_at_metrics,
    "ab_evidence": look_at_evidence,
    "campaign_list": look_at_campaigns,
}
_STREAMS = "select stream, id from ballyhoo.streams where kind = 'campaign' order by stream limit %s"
_KEY = "insert into ballyhoo.api_keys (id, workspace, role, hash) values (gen_random_uuid(), 1, 'owner', %s)"


def main() -> int:
    """The number of things that are not as they should be."""
    print(f"seed {SEED}", flush=True)
    choose = random.Random(SEED)
    with database() as url, tempfile.TemporaryDirectory(prefix="ballyhoo-bench-") as folder:
        print(f"{durability(url)}, {FACTS:,} facts, {EVENTS:,} events", flush=True)
        key, campaigns = _fill(url)
        with product(f"postgresql:///?{urlencode(conninfo_to_dict(url))}", Path(folder)) as house:
            api = house.api()
            house.projector()
            caught_up(url, 3600)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("vacuum analyze")
            port = int(api.url.rsplit(":", 1)[1])
            with steady(port, _lanes(choose, key, campaigns)) as seen:
                time.sleep(WARM)
                usual = time.time()
                time.sleep(USUAL)
                begun = time.time()
                outcomes = [_rebuilt(url, name) for name in CATALOGUE]
                ended = time.time()
            caught_up(url, 600)
        return _told(url, seen, outcomes, usual, begun, ended)


def _fill(url: str) -> tuple[str, list[UUID]]:
    """A key, and the campaigns of which there are facts: many of the usual kinds, some of all kinds with voids."""
    key = new_key()
    with psycopg.connect(url, autocommit=True) as connection:
        ensure_schemas(connection)
        fill_events(url, EVENTS)
        connection.execute(_KEY, (hashed(key),))
        filled_log.label(connection, CAMPAIGNS)
        found = connection.execute(_STREAMS, (CAMPAIGNS,)).fetchall()
    filled_log.append(url, FACTS, datetime.now(UTC), campaigns=CAMPAIGNS, contacts=CONTACTS, days=DAYS)
    places = [Place(1, stream, id) for stream, id in found[:5]]
    told_now(url, places, forty_days(SEED, places, FACTS // 200))
    return key, [id for _, id in found]


def _rebuilt(url: str, projection: Any) -> Outcome:
    outcome = Rebuild(url, live(projection), workers=WORKERS).run()
    print(said(outcome), flush=True)
    return outcome


def _lanes(choose: random.Random, key: str, campaigns: Sequence[UUID]) -> Lanes:
    def some() -> UUID:
        return choose.choice(campaigns)

    reads = []
    for _ in range(2_000):
        path = choose.choice([
            f"campaigns/{some()}/metrics", f"campaigns/{some()}/metrics",
            f"campaigns/{some()}/metrics?group_by=platform", f"campaigns/{some()}/roi",
            f"campaigns/{some()}/funnel?stages=impression,click,conversion",
            "campaigns?limit=20", f"campaigns?text={choose.choice(['autumn', 'all'])}&limit=20",
        ])  # fmt: skip
        reads.append(_request(key, "GET", f"/v1/{path}"))
    batches = [
        _request(key, "POST", "/v1/track/batch", {"facts": facts})
        for facts in _facts(choose, campaigns, int(LONGEST * BATCHES))
    ]
    commands = [
        _request(key, "PATCH", f"/v1/campaigns/{some()}", {"tags": [f"tag-{number}"]})
        for number in range(int(LONGEST * COMMANDS))
    ]
    return {
        "reads": (reads * (LONGEST * int(READS) // len(reads)), READS),
        "facts": (batches, BATCHES),
        "commands": (commands, COMMANDS),
    }


def _facts(choose: random.Random, campaigns: Sequence[UUID], batches: int) -> Iterator[list[dict[str, Any]]]:
    """Batches of ten facts, one of them a void of one of the batch before; robots among the clicks."""
    void: list[dict[str, Any]] = []
    for _ in range(batches):
        facts = []
        for _ in range(10 - len(void)):
            kind = choose.choice(["delivery", "impression", "open", "click", "conversion", "spend"])
            fact: dict[str, Any] = {
                "id": str(uuid4()), "kind": kind, "campaign_id": str(choose.choice(campaigns)),
                "contact_id": f"new-{choose.randrange(5_000)}", "variant": choose.choice("ab"),
            }  # fmt: skip
            if kind in ("conversion", "spend"):
                fact["value"] = {"amount": choose.randrange(5_000), "currency": "USD"}
            if kind == "click" and choose.random() < 0.2:
                fact["properties"] = {"user_agent": "Googlebot/2.1"}
            facts.append(fact)
        yield facts + void
        target = facts[0]
        void = [{"id": str(uuid4()), "kind": "void", "campaign_id": target["campaign_id"], "voids": target["id"]}]


def _request(key: str, method: str, path: str, body: Any = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return f"{head}\r\n".encode() + content


def _told(
    url: str, seen: dict[str, Seen], outcomes: Sequence[Outcome], usual: float, begun: float, ended: float
) -> int:  # fmt: skip
    errors = Counter(f"{lane} {status}" for lane in seen for _, _, status, _ in seen[lane] if status != 200)
    before = sorted(took for due, took, _, _ in seen["reads"] if usual <= due < begun)
    during = sorted(took for due, took, _, _ in seen["reads"] if begun <= due < ended)
    came = sum(accepted for due, _, _, accepted in seen["facts"] if begun <= due < ended)
    commands = sum(begun <= due < ended for due, _, _, _ in seen["commands"])
    most = max(2 * _p99(before), MOST)
    same = all(outcome.compared and outcome.compared.live == outcome.compared.rebuilt for outcome in outcomes)
    print(
        f"reads while everything is rebuilt with {WORKERS} workers in {ended - begun:.0f} s: p99 {_ms(_p99(during))} of"
        f" {len(during):,} reads, usual {_ms(_p99(before))} of {len(before):,} (p50 {_ms(during[len(during) // 2])},"
        f" {_ms(before[len(before) // 2])}); at most {_ms(most)}: {'met' if _p99(during) <= most else 'NOT MET'}"
        f" · {errors.total()} errors{dict(errors) or ''} · {came:,} new facts and {commands} commands meanwhile"
        f" · equal by checksum: {same}",
        flush=True,
    )
    wrong = 0
    for name, look in _ORACLES.items():
        looked = look(url)
        wrong += looked.wrong
        print(f"{name} beside an oracle in plain Python: {looked}", flush=True)
    return sum([_p99(during) > most, errors.total() > 0, came == 0, not same, wrong > 0])


def _p99(took: Sequence[float]) -> float:
    return took[len(took) * 99 // 100]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
