"""I8: after the storm nothing is left of it: no lag, no session too many, none in an open transaction."""

from __future__ import annotations

import time

from tests.faults.checks.seen import Broken, Seen

PATIENCE = 60.0
# Two of each process with full pools, and the harness itself.
MOST_SESSIONS = 90

_LAG = """
select coalesce(sum(h.position - c.high), 0) from {}.checkpoints c join ballyhoo.log_heads h using (log)
"""
_SCHEMAS = r"select nspname from pg_namespace where nspname ~ '_v[0-9]+$' order by 1"
_RELAY = "select coalesce(sum(h.position - r.position), 0) from ballyhoo.relay r join ballyhoo.log_heads h using (log)"
_SESSIONS = "select count(*) from pg_stat_activity where backend_type = 'client backend'"
_STUCK = """
select count(*) from pg_stat_activity
 where backend_type = 'client backend' and state like 'idle in transaction%%'
   and state_change < clock_timestamp() - interval '10 seconds'
"""
_PARKED = "select count(*) from ballyhoo.parked"


def comes_to_rest(seen: Seen) -> list[Broken]:
    """I8. Counts for how long each lagged."""
    began = time.monotonic()
    while lags := _lagging(seen):
        milliseconds = int((time.monotonic() - began) * 1000)
        for name in lags:
            seen.journal.counts[f"milliseconds that {name} lagged"] = milliseconds
        if milliseconds > PATIENCE * 1000:
            break
        seen.house.keep_running()
        time.sleep(0.1)
    broken = [Broken("I8", f"{name} lags by {lag} after {PATIENCE:.0f} s") for name, lag in lags.items()]
    if (sessions := seen.number(_SESSIONS)) > MOST_SESSIONS:
        broken.append(Broken("I8", f"{sessions} sessions are open"))
    if stuck := seen.number(_STUCK):
        broken.append(Broken("I8", f"{stuck} sessions sit in a transaction"))
    if parked := seen.number(_PARKED):
        broken.append(Broken("I8", f"{parked} records were parked"))
    seen.journal.count("sessions at the end", sessions)
    return broken


def _lagging(seen: Seen) -> dict[str, int]:
    lags = {str(schema): seen.number(_LAG.format(schema)) for (schema,) in seen.rows(_SCHEMAS)}
    if seen.house.broker is not None:
        lags["relay"] = seen.number(_RELAY)
    return {name: lag for name, lag in lags.items() if lag}
