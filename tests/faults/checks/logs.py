"""I1: what was acknowledged is what is stored, once. I3: versions and positions without gap, in one order."""

from __future__ import annotations

from collections import Counter

from tests.faults.checks.seen import Broken, Seen
from tests.faults.journal import stored

_FACTS = "select workspace, id, count(*) from ballyhoo.facts group by 1, 2"
_VERSIONS = """
select count(*) from ballyhoo.streams s
  left join lateral (select count(*) as n, max(version) as last,
                       bool_and(position > coalesce(before, 0)) as rises
                  from (select position, version, lag(position) over (order by version) as before
                          from ballyhoo.events e where e.stream = s.stream) e) e on true
 where e.n is distinct from s.version or e.last is distinct from s.version or not e.rises
"""
_EVENTS = "select count(*), coalesce(max(position), 0), count(distinct position) from ballyhoo.events"
_HEADS = "select log, position from ballyhoo.log_heads"
_BACKWARDS = """
select count(*) from (select recorded_at, lag(recorded_at) over (order by position) as before from ballyhoo.{}) l
 where recorded_at <= before
"""
_BEYOND = "select count(*), count(distinct position), coalesce(max(position), 0) from ballyhoo.facts"
_COMMANDS = """
select s.workspace, s.id::text, count(*) filter (where e.actor not like 'system%%')
  from ballyhoo.streams s join ballyhoo.events e using (stream) where s.kind = 'campaign' group by 1, 2
"""


def acknowledged_is_stored(seen: Seen) -> list[Broken]:
    """I1, of facts and of commands."""
    found = {(workspace, id): times for workspace, id, times in seen.rows(_FACTS)}
    wanted = {(seen.numbers[workspace], id) for workspace, id in stored(seen.journal.facts)}
    broken = []
    for what, some in (
        ("acknowledged facts are not stored", wanted - found.keys()),
        ("stored facts were acknowledged to nobody", found.keys() - wanted),
        ("facts are stored more than once", {key for key, times in found.items() if times > 1}),
    ):
        if some:
            broken.append(Broken("I1", f"{len(some)} of {len(wanted)} {what}, such as {min(some)}"))
    told = Counter({(seen.numbers[place], id): many for (place, id), many in seen.journal.commands.items()})
    made = Counter({(workspace, id): many for workspace, id, many in seen.rows(_COMMANDS)})
    if differing := {key for key in told.keys() | made.keys() if told[key] != made[key]}:
        key = min(differing)
        broken.append(
            Broken("I1", f"{len(differing)} campaigns: {key} had {told[key]} commands accepted and has {made[key]}")
        )
    return broken


def versions_and_positions(seen: Seen) -> list[Broken]:
    """I3."""
    broken = []
    if wrong := seen.number(_VERSIONS):
        broken.append(Broken("I3", f"{wrong} streams do not have versions 1 to n in the order of positions"))
    heads = dict(seen.rows(_HEADS))
    events, last, distinct = seen.rows(_EVENTS)[0]
    if not events == last == distinct == heads["events"]:
        broken.append(Broken("I3", f"{events} events, {distinct} positions up to {last}, head {heads['events']}"))
    facts, distinct, last = seen.rows(_BEYOND)[0]
    if facts != distinct or last > heads["engagement"]:
        broken.append(Broken("I3", f"{facts} facts at {distinct} positions up to {last}, head {heads['engagement']}"))
    for log in ("events", "facts"):
        if backwards := seen.number(_BACKWARDS.format(log)):
            broken.append(Broken("I3", f"{backwards} {log} were recorded before what stands before them"))
    return broken
