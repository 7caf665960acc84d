"""Who folds which partitions: leases with an expiry by the database's clock, shared evenly by the living.

A lease says who should work; what keeps the rows right is the compare-and-set of the checkpoints. A process
that was stopped comes back to leases that others hold, says so, and stands by.
"""

from __future__ import annotations

import json
import os
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection

LEASE = 10.0
"""Seconds that a lease lasts unless it is renewed."""
EVERY = 2.0
"""Seconds between renewals."""
DEAF_AFTER = 10.0
"""Seconds after which a process that was not heard of no longer counts as living."""

log = structlog.get_logger("projector")

_SEEN = """
insert into ballyhoo.processes (id, kind, pid, status) values (%s, 'projector', %s, %s)
on conflict (id) do update set seen_at = clock_timestamp(), status = excluded.status
"""

_LIVING = """
select count(*) from ballyhoo.processes
 where kind = 'projector' and status ? 'projections'
   and seen_at > clock_timestamp() - make_interval(secs => %s)
"""

_RENEW = """
update ballyhoo.leases set until = clock_timestamp() + make_interval(secs => %s)
 where owner = %s and name like 'projector:%%' and until > clock_timestamp()
returning split_part(name, ':', 2)::int
"""

_RELEASE = "delete from ballyhoo.leases where owner = %s and name = any(%s)"

# Free ones and those that ran out, or that end later than any can since the clock was set back; a race for one of them
# is decided by the row's lock.
_TAKE = """
with wanted as (
  select 'projector:' || part as name from ballyhoo.settings, generate_series(0, value::int - 1) part
   where settings.name = 'partitions'
     and not exists (select from ballyhoo.leases l
                      where l.name = 'projector:' || part and l.until > clock_timestamp()
                        and l.until <= clock_timestamp() + make_interval(secs => 2 * %(lease)s))
   order by part limit %(most)s
)
insert into ballyhoo.leases as l (name, owner, until)
select name, %(owner)s, clock_timestamp() + make_interval(secs => %(lease)s) from wanted
on conflict (name) do update set owner = excluded.owner, until = excluded.until, fence = l.fence + 1
  where l.until <= clock_timestamp() or l.until > clock_timestamp() + make_interval(secs => 2 * %(lease)s)
returning split_part(l.name, ':', 2)::int
"""

_PARTITIONS = "select value::int from ballyhoo.settings where name = 'partitions'"


class Leases:
    """The partitions of one projector process. ``tick`` every ``EVERY`` seconds keeps them."""

    def __init__(self, owner: UUID) -> None:
        self.owner = owner
        self.held: frozenset[int] = frozenset()

    def tick(self, connection: Connection[Any], status: dict[str, Any]) -> None:
        """Say that this process lives, renew what it holds, and take or give up so that shares are even."""
        connection.execute(_SEEN, (self.owner, os.getpid(), json.dumps(status)))
        renewed = {part for (part,) in connection.execute(_RENEW, (LEASE, self.owner)).fetchall()}
        if lost := self.held - renewed:
            log.warning("leases_lost", owner=str(self.owner), partitions=sorted(lost))
        partitions = connection.execute(_PARTITIONS).fetchone()
        living = connection.execute(_LIVING, (DEAF_AFTER,)).fetchone()
        assert partitions is not None
        assert living is not None
        share = -(-partitions[0] // max(living[0], 1))
        if len(renewed) > share:
            renewed -= self._give_up(connection, sorted(renewed)[share:])
        elif len(renewed) < share:
            taken = connection.execute(
                _TAKE, {"most": share - len(renewed), "owner": self.owner, "lease": LEASE}
            ).fetchall()
            renewed |= {part for (part,) in taken}
        if renewed != self.held:
            log.info("partitions_held", owner=str(self.owner), partitions=sorted(renewed))
        self.held = frozenset(renewed)

    def release(self, connection: Connection[Any]) -> None:
        """Give up everything, at a clean end."""
        self._give_up(connection, sorted(self.held))
        connection.execute("delete from ballyhoo.processes where id = %s", (self.owner,))
        self.held = frozenset()

    def _give_up(self, connection: Connection[Any], parts: list[int]) -> set[int]:
        connection.execute(_RELEASE, (self.owner, [f"projector:{part}" for part in parts]))
        return set(parts)


def connect(dsn: str, name: str, *, statement_timeout_ms: int) -> Connection[Any]:
    """A connection of the engine in autocommit.

    A session that is stopped inside a transaction is ended by the server well before its lease, so that its
    locks hold up nobody who takes over.
    """
    return psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=5,
        application_name=name,
        keepalives_idle=10,
        keepalives_interval=3,
        keepalives_count=3,
        options="-c role=ballyhoo_engine -c timezone=UTC -c jit=off -c plan_cache_mode=force_custom_plan"
        f" -c work_mem=64MB -c idle_in_transaction_session_timeout=5000 -c statement_timeout={statement_timeout_ms}",
    )
