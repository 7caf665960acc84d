"""I2: every row of the read models is what the log makes, every answer the oracle's. I5: money to the cent."""

from __future__ import annotations

from typing import Any

import psycopg

from adapters.read_models import folds
from adapters.read_models.leases import connect
from adapters.read_models.rebuild.catching_up import catch_up, head, highs
from adapters.read_models.rebuild.comparing import compare
from adapters.read_models.rebuild.places import drop
from adapters.read_models.schemas import make_schema
from projections.catalogue import CATALOGUE
from projections.projection import Projection
from tests.faults.checks.seen import Broken, Seen
from tests.support.campaigns import history_of
from tests.support.likeness import differences
from tests.support.oracle import Oracle

_WORDS = "select words from ballyhoo.bot_rules where live"
_MONEY = ("revenue", "refunds", "spend", "cost", "profit", "roi", "roas", "cpa", "cpc", "cpm", "average_order")
_AT_IT = """
select name, owner::text, (until - clock_timestamp())::text from ballyhoo.leases where name like 'rebuild:%'
union all
select application_name || ' ' || state || ' ' || coalesce(wait_event, 'works'), left(query, 90),
    (clock_timestamp() - query_start)::text
  from pg_stat_activity where application_name like 'rebuild%' and state <> 'idle'
"""
_STAGES = ("exposure", "click", "conversion")


def rows_are_the_logs(seen: Seen) -> list[Broken]:
    """I2, by folding the whole log anew."""
    broken = []
    for projection in CATALOGUE:
        with connect(seen.house.url, "recomputed", statement_timeout_ms=120_000) as connection:
            broken += _recomputed(connection, projection)
    return broken


def rebuilds_saw_no_difference(seen: Seen) -> list[Broken]:
    """I2, as the product's own rebuilds compared what they found."""
    log = seen.house.folder / "rebuild.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    seen.journal.count("rebuilds finished", sum("checksum" in line for line in lines))
    if waiting := len(seen.house.at_errands()):
        found = f"{waiting} rebuilds do not come to an end: {' / '.join(lines[-3:])}; at it: {_at_it(seen.house.url)}"
        return [Broken("I8", found)]
    return [Broken("I2", f"a rebuild says: {line[:400]}") for line in lines if "the live one was" in line]


def _at_it(url: str) -> str:
    """Who holds a rebuild's lease, and what its sessions do."""
    with psycopg.connect(url, autocommit=True) as connection:
        return " / ".join(str(row) for row in connection.execute(_AT_IT).fetchall())


def answers_are_the_oracles(seen: Seen) -> list[Broken]:
    """I2 and I5, over HTTP."""
    words = seen.rows(_WORDS)[0][0]
    broken = []
    for workspace, campaigns in enumerate(seen.campaigns):
        user = seen.user(workspace)
        for campaign in campaigns:
            oracle = Oracle(seen.journal.facts, workspace, campaign, words=words)
            path = f"/v1/campaigns/{campaign}"
            for group_by in ((), ("variant",), ("platform",), ("country", "device"), ("day",)):
                found = user.get(f"{path}/metrics", **({"group_by": ",".join(group_by)} if group_by else {}))
                broken += _compared(f"metrics by {group_by}", found.ok().body, oracle.metrics(group_by))
            funnel = user.get(f"{path}/funnel", stages=",".join(_STAGES)).ok().body["stages"]
            broken += _compared("funnel", funnel, oracle.funnel(_STAGES))
            broken += _compared("return", user.get(f"{path}/roi").ok().body, oracle.roi())
            broken += _listed(user.get(path).ok().version, len(history_of(user, campaign)), campaign)
    return broken


def _recomputed(connection: psycopg.Connection[Any], projection: Projection) -> list[Broken]:
    schema = f"{projection.schema}_recomputed"
    drop(connection, schema)
    make_schema(connection, projection, schema)
    folds.prepare(connection, projection)
    end = head(connection, projection.log)
    catch_up(connection, projection, schema, dict.fromkeys(highs(connection, schema, projection.log), end))
    compared = compare(connection, projection, projection.schema, schema)
    drop(connection, schema)
    if compared.live == compared.rebuilt:
        return []
    return [Broken("I2", f"{projection.name} is not what the log makes of it: {compared.first_difference}")]


def _compared(what: str, found: Any, expected: Any) -> list[Broken]:
    if isinstance(found, dict):
        found = {name: value for name, value in found.items() if name in expected}
    lines = differences(found, expected)
    money = [line for line in lines if line.split(":")[0].rpartition("/")[2] in _MONEY]
    counts = [line for line in lines if line not in money]
    return [
        Broken(name, f"{what} differs in {len(some)} places: {some[0][:300]}")
        for name, some in (("I2", counts), ("I5", money)) if some
    ]  # fmt: skip


def _listed(version: int, events: int, campaign: str) -> list[Broken]:
    return [] if version == events else [Broken("I3", f"{campaign} has version {version} and {events} events")]
