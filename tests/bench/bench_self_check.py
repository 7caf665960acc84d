"""What the projector's check of itself costs on the largest campaign that it looks at: all of its rows made anew from
the log, for each projection of facts.

    python -m tests.bench.bench_self_check

``BENCH_FACTS`` (100,000) facts of every kind with 20,000 contacts, one in fifty a void, each with properties of its
own. A check runs every 30 seconds, and a projector that stops waits for it at most as long as one statement takes.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

import psycopg

from adapters.read_models.leases import connect
from adapters.read_models.rebuild.places import live
from adapters.read_models.rebuild.rebuild import Rebuild
from adapters.read_models.self_check import campaign_differences
from projections.catalogue import CATALOGUE
from projections.projection import FactProjection
from tests.bench import filled_log
from tests.bench.harness import ROUNDS, database, durability

FACTS = int(os.environ.get("BENCH_FACTS", "100000"))
CONTACTS = 20_000

# Of all kinds from exposure to void and two of a workspace's own; every fiftieth takes back one of a little before.
_FACTS = """
insert into ballyhoo.facts (position, recorded_at, occurred_at, amount, contact, workspace, campaign, labels, quantity,
    kind, type, part, voided, id, voids_position, properties)
select n, %(at)s::timestamptz + n * interval '1 microsecond', %(at)s::timestamptz - n %% 40 * interval '7 hours',
    case when kind in (10, 11, 12) then n %% 5000 end, contact, 1, campaign,
    first + who %% 72, 1, kind, case when kind = 10 then n %% 5 else 0 end, get_byte(uuid_send(contact), 15) %% 16,
    false, 'made-' || n, case when kind = 13 then n - 7 end,
    case when kind <> 13 then json_build_object(
      'user_agent', (array['Mozilla/5.0', 'AppleMail', 'Googlebot'])[1 + n %% 3] || n %% 1000, 'n', n)::text end
  from (
    select n, n * 7919 %% %(contacts)s as who, md5((n * 7919 %% %(contacts)s)::text)::uuid as contact,
        case when n %% 50 = 49 then 13
          else (array[1, 2, 3, 3, 3, 4, 5, 6, 7, 7, 7, 8, 8, 9, 9, 10, 11, 12, 100, 101])[1 + n %% 20] end as kind,
        (select min(campaign) from ballyhoo.label_sets) as campaign, (select min(id) from ballyhoo.label_sets) as first
      from generate_series(1, %(count)s) n
  ) f
"""
_MOVE = "update ballyhoo.log_heads set position = %s, recorded_at = now() where log = 'engagement'"


def main() -> None:
    """A line for each projection."""
    with database() as url:
        print(f"{durability(url)}, {FACTS:,} facts of one campaign", flush=True)
        campaign = _fill(url)
        for projection in CATALOGUE:
            if isinstance(projection, FactProjection):
                Rebuild(url, live(projection)).run()
                print(_checked(url, projection, campaign), flush=True)


def _checked(url: str, projection: FactProjection, campaign: int) -> str:
    took, differences = [], 0
    with connect(url, "bench", statement_timeout_ms=600_000) as connection:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            with connection.transaction():
                connection.execute("set transaction isolation level repeatable read")
                differences += campaign_differences(connection, projection, campaign)
            took.append(time.perf_counter() - began)
    middle = sorted(took)[len(took) // 2]
    return f"self-check of {projection.name}: {middle:.1f} s (at most {max(took):.1f} s) · exact: {differences == 0}"


def _fill(url: str) -> int:
    filled_log.prepare(url, 1)
    at = datetime.now(UTC)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select ballyhoo.make_partition(%s)", (at,))
        connection.execute(_FACTS, {"at": at, "contacts": CONTACTS, "count": FACTS})
        connection.execute(_MOVE, (FACTS,))
        connection.execute("vacuum analyze ballyhoo.facts")
        row = connection.execute("select min(campaign) from ballyhoo.label_sets").fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    main()
