"""A rebuild: equal to what was live, wrong rows named, faults seen, one at a time, exact whatever comes meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from adapters.event_store.codec import Codec
from adapters.postgres.pool import Pool
from adapters.read_models import folds
from adapters.read_models.checkpoints import Span, move
from adapters.read_models.leases import connect
from adapters.read_models.projecting import _LOCK
from adapters.read_models.reader import PostgresReads
from adapters.read_models.rebuild.places import live, search
from adapters.read_models.rebuild.rebuild import Progress, Rebuild
from adapters.read_models.rebuild.stopping import AlreadyRebuilding, Cancelled, Poison, RebuildStopped
from adapters.read_models.schemas import make_schema
from adapters.read_models.source import StoreSource
from domain.catalogue import EVENTS
from projections.campaign_list import CAMPAIGN_LIST
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.catalogue import CATALOGUE
from projections.projection import Projection, Table
from tests.plugins.databases import Server
from tests.support.likeness import differences, plain
from tests.support.oracle import Oracle, Told
from tests.support.projector import caught_up, projector
from tests.support.rebuilding import filled, fold, named, one, rebuilt, told_now
from tests.support.told import Place

SEED = 4711
COUNT = 800
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_WORDS = "select words from ballyhoo.bot_rules where live"
_EPOCH = "select epoch from ballyhoo.epochs"


@dataclass
class World:
    """A log that was folded; tests leave its tables right."""

    url: str
    places: list[Place]
    told: list[Told]

    def is_exact(self) -> bool:
        """Whether the metrics of every campaign are the oracle's."""
        return asyncio.run(self._is_exact())

    async def _is_exact(self) -> bool:
        pool = Pool(self.url)
        await pool.open()
        reads = PostgresReads(pool, lambda: one(self.url, _EPOCH))
        words = one(self.url, _WORDS)
        try:
            for place in self.places:
                oracle = Oracle(self.told, place.workspace, str(place.id), currency=place.currency, words=words)
                for group_by in ((), ("variant",), ("day",), ("link", "device")):
                    answer = plain((await reads.metrics(place.workspace, place.id, group_by=group_by)).value)
                    del answer["computed"]
                    assert differences(answer, oracle.metrics(group_by)) == []
        finally:
            await pool.close()
        return True

    def clicks(self, count: int, name: str) -> list[Told]:
        """So many clicks of as many people, told now."""
        place = self.places[0]
        click = Told(place.workspace, str(place.id), "", "click", NOON)
        made = [replace(click, id=f"{name}-{number}", contact=f"{name}-{number}") for number in range(count)]
        told_now(self.url, self.places, made)
        self.told += made
        return made


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[World]:
    """Forty days of facts, folded."""
    print(f"seed {SEED}")
    name = server.clone()
    places, told = filled(server.database(name), SEED, COUNT)
    yield World(server.database(name), places, told)
    server.drop(name)


@pytest.mark.req("EVT-4")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", [projection.name for projection in CATALOGUE])
def test_what_is_rebuilt_is_what_was_live(
    world: World, name: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.read_models.rebuild.rebuild.WORTH_A_PROCESS", 1)
    monkeypatch.setattr("adapters.read_models.rebuild.planning.RANGE", 300)

    outcome = rebuilt(world.url, named(name), workers=workers)

    assert outcome.compared is not None
    assert outcome.compared.live == outcome.compared.rebuilt
    assert outcome.compared.first_difference is None
    print(f"{name}, {workers} workers: {outcome.compared.rows} rows, checksum {outcome.compared.rebuilt}")
    assert world.is_exact()


@pytest.mark.req("EVT-4")
@pytest.mark.parametrize(
    ("table", "column"), [("totals", "n"), ("cells", "amount"), ("contacts", "click"), ("uniques", "reach")]
)
def test_a_row_that_was_altered_is_named_and_right_after_the_swap(world: World, table: str, column: str) -> None:
    schema = CAMPAIGN_METRICS.schema
    change = f"{column} - interval '1 second'" if column == "click" else f"{column} + 7"
    with psycopg.connect(world.url, autocommit=True) as connection:
        key = connection.execute(
            f"update {schema}.{table} set {column} = {change} where ctid ="  # noqa: S608
            f" (select ctid from {schema}.{table} where {column} is not null order by random() limit 1)"
            " returning to_jsonb(*)".replace("to_jsonb(*)", f"to_jsonb({table}.*)").encode()
        ).fetchone()
    assert key is not None

    compared = rebuilt(world.url, CAMPAIGN_METRICS).compared

    assert compared is not None
    assert compared.live != compared.rebuilt
    found = compared.first_difference
    print(found)
    assert found is not None
    assert (found["table"], found["columns"]) == (table, [column])
    assert found["key"] == {name: key[0][name] for name in found["key"]}
    assert world.is_exact()


@pytest.mark.req("EVT-4")
def test_a_row_that_is_missing_or_too_many_is_named_too(world: World) -> None:
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute(
            "delete from campaign_metrics_v1.series where (campaign, bucket) ="
            " (select campaign, bucket from campaign_metrics_v1.series order by 1, 2 limit 1)"
        )
    missing = rebuilt(world.url, CAMPAIGN_METRICS).compared
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute("insert into campaign_metrics_v1.firsts values (1, 999, gen_random_uuid(), now())")
    too_many = rebuilt(world.url, CAMPAIGN_METRICS).compared

    assert missing is not None
    assert missing.first_difference is not None
    assert (missing.first_difference["table"], missing.first_difference["live"]) == ("series", None)
    assert too_many is not None
    assert too_many.first_difference is not None
    assert (too_many.first_difference["table"], too_many.first_difference["rebuilt"]) == ("firsts", None)
    assert world.is_exact()


@pytest.mark.req("EVT-4")
def test_a_fold_with_a_planted_fault_gives_another_checksum(world: World) -> None:
    right = rebuilt(world.url, CAMPAIGN_METRICS).compared
    contacts, firsts = CAMPAIGN_METRICS.whole.of_parts
    faulty = contacts.replace("min(occurred_at) filter (where kind = 9)", "max(occurred_at) filter (where kind = 9)")
    assert faulty != contacts

    planted = replace(CAMPAIGN_METRICS, whole=replace(CAMPAIGN_METRICS.whole, of_parts=(faulty, firsts)))
    wrong = rebuilt(world.url, planted).compared

    assert right is not None
    assert wrong is not None
    assert wrong.live == right.rebuilt
    assert wrong.rebuilt != right.rebuilt
    assert wrong.first_difference is not None
    assert (wrong.first_difference["table"], wrong.first_difference["columns"]) == ("contacts", ["click"])
    mended = rebuilt(world.url, CAMPAIGN_METRICS).compared
    assert mended is not None
    assert (mended.live, mended.rebuilt) == (wrong.rebuilt, right.rebuilt)
    assert world.is_exact()


@pytest.mark.req("EVT-4")
def test_a_batch_that_is_held_open_across_the_swap_loses_nothing(world: World) -> None:
    world.clicks(300, "held")
    folded = threading.Event()

    def batch() -> None:
        with connect(world.url, "held", statement_timeout_ms=60_000) as connection:
            search(connection, CAMPAIGN_METRICS.schema)
            folds.prepare(connection, CAMPAIGN_METRICS)
            head = one(world.url, "select position from ballyhoo.log_heads where log = 'engagement'")
            with connection.transaction():
                connection.execute(_LOCK.encode(), (CAMPAIGN_METRICS.name,))
                rows = connection.execute("select part, high from checkpoints").fetchall()
                spans = [Span(part, high, head) for part, high in rows]
                folds.apply(connection, CAMPAIGN_METRICS, StoreSource(Codec(EVENTS)), spans)
                folded.set()
                time.sleep(3.0)
                move(connection, "engagement", spans)

    thread = threading.Thread(target=batch)
    thread.start()
    assert folded.wait(20)

    began = time.monotonic()
    outcome = rebuilt(world.url, CAMPAIGN_METRICS)
    thread.join()

    print(f"the swap waited {time.monotonic() - began:.1f} s for the batch")
    assert outcome.compared is not None
    assert outcome.compared.live == outcome.compared.rebuilt
    fold(world.url)
    assert world.is_exact()


@pytest.mark.req("EVT-4")
def test_what_takes_many_batches_while_the_swap_holds_the_lock_is_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.read_models.rebuild.catching_up.BATCH", 50)

    def tell(progress: Progress) -> None:
        if progress.phase == "swaps":
            world.clicks(300, "late")
            fold(world.url)

    rebuilt(world.url, CAMPAIGN_METRICS, tell=tell)

    assert world.is_exact()


@pytest.mark.req("EVT-4")
def test_the_way_back_catches_up_first(world: World) -> None:
    rebuilt(world.url, CAMPAIGN_METRICS)
    world.clicks(10_000, "after")
    fold(world.url)
    assert world.is_exact()

    back = Rebuild(world.url, live(CAMPAIGN_METRICS)).back()

    print(f"{back.records} records caught up before the way back")
    assert back.records >= 10_000
    assert world.is_exact()
    again = Rebuild(world.url, live(CAMPAIGN_METRICS)).back()
    assert again.records == 0
    assert world.is_exact()


@pytest.mark.req("EVT-4")
def test_of_two_rebuilds_of_one_projection_one_runs(world: World) -> None:
    second: list[BaseException] = []

    def tell(progress: Any) -> None:
        if progress.phase == "catches up" and not second:
            try:
                rebuilt(world.url, CAMPAIGN_METRICS)
            except AlreadyRebuilding as error:
                second.append(error)

    outcome = rebuilt(world.url, CAMPAIGN_METRICS, tell=tell)

    assert outcome.compared is not None
    assert outcome.compared.live == outcome.compared.rebuilt
    assert str(second[0]) == "campaign_metrics is being rebuilt already; wait for that rebuild, or cancel it."


@pytest.mark.req("EVT-4")
def test_a_cancelled_rebuild_goes_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.read_models.rebuild.planning.RANGE", 300)
    phases: list[str] = []

    with pytest.raises(Cancelled):
        rebuilt(world.url, CAMPAIGN_METRICS, tell=lambda p: phases.append(p.phase),
                cancelled=lambda: "catches up" in phases)  # fmt: skip
    assert world.is_exact()

    outcome = rebuilt(world.url, CAMPAIGN_METRICS)
    assert outcome.resumed == 1.0
    assert world.is_exact()


@pytest.mark.req("EVT-4")
def test_facts_that_come_while_it_is_rebuilt_are_counted_once(world: World) -> None:
    stop = threading.Event()
    sent = 0

    def come() -> None:
        nonlocal sent
        while not stop.is_set():
            world.clicks(50, f"meanwhile-{sent}")
            sent += 50

    with projector(world.url):
        thread = threading.Thread(target=come)
        thread.start()
        try:
            outcomes = [rebuilt(world.url, projection) for projection in (CAMPAIGN_METRICS, CAMPAIGN_METRICS)]
        finally:
            stop.set()
            thread.join()
        caught_up(world.url, 60)

    print(f"{sent} facts came meanwhile")
    for outcome in outcomes:
        assert outcome.compared is not None
        assert outcome.compared.live == outcome.compared.rebuilt, outcome.compared.first_difference
    assert world.is_exact()


@pytest.mark.req("EVT-4")
def test_a_changed_row_shape_leaves_the_running_release_answering(world: World) -> None:
    noted = Table("noted", "campaign int not null", key=("campaign",))
    newer = replace(CAMPAIGN_METRICS, version=2, tables=(*CAMPAIGN_METRICS.tables, noted))

    outcome = rebuilt(world.url, newer)

    assert outcome.compared is not None
    assert outcome.compared.live is None
    assert one(world.url, "select to_regclass('campaign_metrics_v2.noted') is not null")
    world.clicks(20, "on")
    fold(world.url)
    assert world.is_exact()
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute("drop schema campaign_metrics_v2 cascade")


@pytest.mark.req("EVT-4")
def test_a_restored_store_that_knows_less_is_mended_by_a_rebuild(fresh_database: str) -> None:
    places, told = filled(fresh_database, SEED, 100)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("update campaign_metrics_v1.checkpoints set high = high + 1000000")
        connection.execute("select ballyhoo.current_epoch(true)")

    outcome = rebuilt(fresh_database, CAMPAIGN_METRICS)

    assert outcome.compared is not None
    assert outcome.compared.live is None
    with projector(fresh_database):
        told_now(fresh_database, places, [replace(told[0], id="later")])
        caught_up(fresh_database, 30)


def _poisoned(url: str, projection: Projection) -> int:
    """Put a record into the log that nobody can fold; gives its position."""
    with psycopg.connect(url, autocommit=True) as connection:
        log = projection.log
        row = connection.execute(
            "update ballyhoo.log_heads set position = position + 1 where log = %s returning position", (log,)
        ).fetchone()
        assert row is not None
        if log == "events":
            connection.execute(
                "insert into ballyhoo.events (position, recorded_at, occurred_at, event_id, workspace, stream,"
                " version, part, topic, actor, correlation, state)"
                " select %s, now(), now(), gen_random_uuid(), workspace, stream, version + 1, part,"
                " 'campaign.changed', 'a', 'c', '{\"by\": 7}' from ballyhoo.events limit 1",
                row,
            )
        else:
            connection.execute(
                "insert into ballyhoo.facts (position, recorded_at, occurred_at, workspace, campaign, quantity, kind,"
                " type, part, voided, id, properties)"
                " select %s, recorded_at, now(), workspace, campaign, 1, 9, 0, part, false, 'poison',"
                " '{\"user_agent\": ' from ballyhoo.facts where campaign is not null limit 1",
                row,
            )
        return int(row[0])


@pytest.mark.req("EVT-4")
@pytest.mark.parametrize("projection", [CAMPAIGN_LIST, CAMPAIGN_METRICS], ids=lambda one: one.name)
def test_a_rebuild_stops_at_once_at_what_it_cannot_fold_and_names_it(
    fresh_database: str, projection: Projection
) -> None:
    filled(fresh_database, SEED, 100)
    position = _poisoned(fresh_database, projection)
    fold(fresh_database)
    assert one(fresh_database, "select count(*) from ballyhoo.parked where projection = %s", (projection.name,)) == 1

    with pytest.raises(Poison) as stopped:
        rebuilt(fresh_database, projection)

    print(stopped.value)
    assert stopped.value.position == position
    assert one(fresh_database, "select count(*) from ballyhoo.parked where projection = %s", (projection.name,)) == 1


def test_without_former_tables_there_is_no_way_back(fresh_database: str) -> None:
    filled(fresh_database, SEED, 20)

    with pytest.raises(RebuildStopped, match="no former tables of campaign_list"):
        Rebuild(fresh_database, live(CAMPAIGN_LIST)).back()


def test_the_rights_of_rebuilt_tables_are_those_of_the_live_ones(fresh_database: str) -> None:
    filled(fresh_database, SEED, 20)
    with connect(fresh_database, "made", statement_timeout_ms=5000) as connection:
        make_schema(connection, CAMPAIGN_METRICS, "made_like_the_first")
    rebuilt(fresh_database, CAMPAIGN_METRICS)
    described = """
        select json_agg(d order by d.relname) from (
          select c.relname, c.relkind, c.relacl::text, c.relowner::regrole::text, c.reloptions::text,
              (select json_agg(array[a.attname, a.atttypid::regtype::text, a.attnotnull::text] order by a.attnum)
                 from pg_attribute a where a.attrelid = c.oid and a.attnum > 0)
            from pg_class c where c.relnamespace = to_regnamespace(%s)) d
        """

    rebuilt_ones = one(fresh_database, described, (CAMPAIGN_METRICS.schema,))

    assert rebuilt_ones == one(fresh_database, described, ("made_like_the_first",))
