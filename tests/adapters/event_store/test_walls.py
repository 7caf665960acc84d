"""The log is never rewritten, and each role may do what it must and no more."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from adapters.engagement_log.log import PostgresFactLog
from domain.engagement.fact import Fact
from domain.engagement.kinds import CLICK
from tests.support.event_store import Place, Studio

pytestmark = pytest.mark.req("EVT-2")

REWRITES = [
    "update ballyhoo.{log} set topic_or_id = topic_or_id",
    "delete from ballyhoo.{log}",
    "truncate ballyhoo.{log}",
    "delete from ballyhoo.{log} where position = 1",
]
READ = "select * from ballyhoo.{table}"
LOGS = {"events": "topic", "facts": "id"}


@pytest.fixture
async def written(alice: Studio) -> None:
    """An event and a fact."""
    campaign = await alice.drafted()
    ((stream,),) = alice.place.rows("select stream from ballyhoo.streams where id = %s", campaign.id)
    log = PostgresFactLog(alice.place.url)
    await log.open()
    await log.record(alice.caller.workspace, [Fact(str(campaign.id), CLICK, stream)])
    await log.close()


def connected(place: Place, role: str | None = None) -> psycopg.Connection[Any]:
    """A connection of the owner, or of a process that acts for ``role``."""
    return psycopg.connect(place.url, autocommit=True, options=f"-c role={role}" if role else None)


@pytest.fixture(params=["events", "facts"])
def log(request: pytest.FixtureRequest) -> str:
    """Each log."""
    return str(request.param)


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("rewrite", REWRITES)
def test_a_trigger_refuses_even_the_owner(place: Place, log: str, rewrite: str) -> None:
    statement = rewrite.format(log=log).replace("topic_or_id", LOGS[log])

    with connected(place) as owner, pytest.raises(psycopg.errors.RestrictViolation, match="never rewritten"):
        owner.execute(statement.encode())


@pytest.mark.usefixtures("written")
def test_a_partition_of_the_facts_is_refused_too(place: Place) -> None:
    ((partition,),) = place.rows(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'ballyhoo.facts'::regclass limit 1"
    )

    name = partition.removeprefix("ballyhoo.")
    for rewrite in ("delete from ballyhoo.{log}", "update ballyhoo.{log} set id = id"):
        with connected(place) as owner, pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute(rewrite.format(log=name).encode())
    with connected(place, "ballyhoo_engine") as engine, pytest.raises(psycopg.errors.InsufficientPrivilege):
        engine.execute(REWRITES[2].format(log=name).encode())


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("role", ["ballyhoo_engine", "ballyhoo_reader"])
@pytest.mark.parametrize("rewrite", [*REWRITES, "insert into ballyhoo.{log} select * from ballyhoo.{log}"])
def test_a_process_may_not_even_try(place: Place, log: str, role: str, rewrite: str) -> None:
    statement = rewrite.format(log=log).replace("topic_or_id", LOGS[log])

    with connected(place, role) as process, pytest.raises(psycopg.errors.InsufficientPrivilege):
        process.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "insert into ballyhoo.streams(workspace, id, kind, version) values (1, gen_random_uuid(), 'campaign', 1)",
        "update ballyhoo.streams set version = version + 1",
        "update ballyhoo.log_heads set position = 0",
        "update ballyhoo.settings set value = '8'",
        "update ballyhoo.secrets set value = ''",
        "insert into ballyhoo.epochs select * from ballyhoo.epochs",
        "delete from ballyhoo.fact_keys",
        "alter table ballyhoo.events disable trigger all",
        "create table ballyhoo.mine (a int)",
    ],
)
def test_the_engine_writes_the_log_through_its_functions_only(place: Place, statement: str) -> None:
    with connected(place, "ballyhoo_engine") as engine, pytest.raises(psycopg.errors.InsufficientPrivilege):
        engine.execute(statement.encode())


@pytest.mark.parametrize(
    "table",
    ["workspaces", "api_keys", "streams", "snapshots", "idempotency", "due_work", "leases", "jobs", "parked",
     "contact_ids", "label_sets", "bot_rules"],
)  # fmt: skip
def test_the_reader_writes_nothing(place: Place, table: str) -> None:
    with connected(place, "ballyhoo_reader") as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(REWRITES[1].format(log=table).encode())


@pytest.mark.parametrize("call", ["append_events(null, null, null, null)", "keep_answer(1, 'k', '', 409, '')"])
def test_the_reader_appends_nothing(place: Place, call: str) -> None:
    with connected(place, "ballyhoo_reader") as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(f"select ballyhoo.{call}".encode())


def test_secrets_are_not_the_readers(place: Place) -> None:
    for table in ("secrets", "api_keys", "idempotency"):
        with connected(place, "ballyhoo_reader") as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(READ.format(table=table).encode())


def test_everybody_else_sees_nothing(place: Place) -> None:
    place.rows("create role stranger_of_the_walls nologin")
    place.rows("grant stranger_of_the_walls to current_user")
    try:
        with connected(place, "stranger_of_the_walls") as stranger, pytest.raises(psycopg.errors.InsufficientPrivilege):
            stranger.execute("select * from ballyhoo.events")
    finally:
        place.rows("drop role stranger_of_the_walls")
