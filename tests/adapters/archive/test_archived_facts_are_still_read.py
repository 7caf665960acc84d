"""Three archived months: every answer, every rebuild and every void is what it was with all facts in the table."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from adapters.engagement_log.log import PostgresFactLog
from adapters.event_store.codec import Codec
from adapters.read_models.checkpoints import Span
from adapters.read_models.leases import connect
from adapters.read_models.rebuild.places import live, under_rule
from adapters.read_models.rebuild.rebuild import Rebuild
from adapters.read_models.self_check import campaign_differences
from adapters.read_models.source import StoreSource
from domain.catalogue import EVENTS
from projections.ab_evidence import AB_EVIDENCE
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.projection import FactProjection
from tests.plugins.databases import Server
from tests.support.archiving import SPRING, Past, past
from tests.support.folding import rows, stepper
from tests.support.oracle import Told
from tests.support.projector import caught_up, projector
from tests.support.rebuilding import dying, fold, one, rebuilt
from tests.support.told import tell

SEED = 31
COUNT = 400
PROJECTIONS = (CAMPAIGN_METRICS, AB_EVIDENCE)

pytestmark = pytest.mark.req("OPS-3")


@pytest.fixture(scope="module")
def world(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Three months in the archive; tests add facts and leave the tables right."""
    print(f"seed {SEED}")
    name = server.clone()
    made = past(server.database(name), tmp_path_factory.mktemp("archive"), SEED, COUNT)
    assert made.is_exact()
    before = made.answers()
    checksums = [_checksum(made, projection) for projection in PROJECTIONS]

    outcome = made.archive()

    for moved in outcome.moved:
        print(f"{moved.partition}: {moved.facts} facts, {moved.table_bytes} bytes before, {moved.file_bytes} after")
    assert outcome.held_back is None
    assert [moved.partition for moved in outcome.moved] == ["facts_202601", "facts_202602", "facts_202603"]
    assert one(made.url, "select min(recorded_at) from ballyhoo.facts") > SPRING
    assert sum(moved.file_bytes for moved in outcome.moved) < sum(moved.table_bytes for moved in outcome.moved)
    made_of: dict[str, Any] = {"before": before, "checksums": checksums}
    vars(made).update(made_of)
    yield made
    server.drop(name)


def _checksum(world: Past, projection: FactProjection) -> str:
    compared = rebuilt(world.url, projection).compared
    assert compared is not None
    assert compared.live == compared.rebuilt, compared.first_difference
    return compared.rebuilt


@pytest.mark.req("EVT-5")
def test_every_answer_is_what_it_was(world: Past) -> None:
    before, after = vars(world)["before"], world.answers()

    assert len(before) > 80
    assert [name for name in before if before[name] != after[name]] == []


@pytest.mark.req("EVT-4")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_rebuild_comes_to_the_same_checksums(world: Past, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.read_models.rebuild.rebuild.WORTH_A_PROCESS", 1)
    monkeypatch.setattr("adapters.read_models.rebuild.planning.RANGE", 300)
    found = []
    for projection in PROJECTIONS:
        compared = Rebuild(world.url, live(projection), workers=workers).run().compared
        assert compared is not None
        assert compared.live == compared.rebuilt, compared.first_difference
        found.append(compared.rebuilt)

    assert found == vars(world)["checksums"]
    assert one(world.url, "select to_regclass('campaign_metrics_v1.unpacked_facts')") is None


@pytest.mark.req("EVT-4")
def test_a_rebuild_that_was_killed_goes_on_with_what_it_had_unpacked(world: Past) -> None:
    assert dying(world.url, CAMPAIGN_METRICS.name, "half") == -9
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute("delete from ballyhoo.leases where name like 'rebuild:%'")  # else it runs out by itself

    outcome = rebuilt(world.url, CAMPAIGN_METRICS)

    print(f"gone on at {outcome.resumed:.0%}")
    assert outcome.resumed > 0.3
    assert outcome.compared is not None
    assert outcome.compared.live == outcome.compared.rebuilt == vars(world)["checksums"][0]


@pytest.mark.req("EVT-11")
def test_figures_under_a_rule_are_made_from_the_files_too(world: Past) -> None:
    kept = under_rule(CAMPAIGN_METRICS, "1")

    compared = Rebuild(world.url, kept).run().compared

    assert compared is not None
    assert compared.rebuilt == vars(world)["checksums"][0]
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute(f"drop schema {kept.live} cascade".encode())


@pytest.mark.req("EVT-3")
def test_a_group_that_is_sent_again_after_its_facts_were_archived_is_answered_as_it_was(
    fresh_database: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = past(fresh_database, tmp_path_factory.mktemp("archive"), SEED + 2, 40)
    group = """
        with fact as (select row(null, null, null, null, 1, 3, 1, %(campaign)s, null, 9, 0, 'again', null, null)
                        ::ballyhoo.fact_in as it)
        select head, duplicates from fact, ballyhoo.append_facts(array[it, it],
          array[%(key)s, %(key)s]::uuid[], null, null, null, null, null, array[1], array[0], false, %(who)s, 1, %(at)s)
        """
    asked = {"campaign": made.places[0].stream, "key": uuid4(), "who": uuid4(), "at": None}
    with psycopg.connect(made.url, autocommit=True) as connection:
        first = connection.execute(group, asked).fetchone()
        fold(made.url)
        made.archive()
        # Its month ends, and everybody has read it.
        connection.execute("update ballyhoo.log_heads set recorded_at = now() + interval '40 days'")
        assert len(made.archive(datetime.now(UTC) + timedelta(days=35)).moved) == 1
        assert connection.execute("select count(*) from ballyhoo.facts").fetchone() == (0,)

        assert first is not None
        assert first[1] == [2]
        assert connection.execute(group, asked).fetchone() == first


@pytest.mark.req("EVT-3")
def test_a_fact_that_is_archived_still_counts_once(world: Past) -> None:
    count = one(world.url, "select count(*) from ballyhoo.facts")

    async def again() -> list[str]:
        log = PostgresFactLog(world.url)
        await log.open()
        try:
            before = await tell(log, world.places, [])
            await tell(log, world.places, [fact for fact in world.told if fact.kind != "void"][:400])
            return [str(before)]
        finally:
            await log.close()

    asyncio.run(again())
    fold(world.url)

    assert one(world.url, "select count(*) from ballyhoo.facts") == count
    assert world.is_exact()


class _Incoming(StoreSource):
    """The store, whose facts come by the relation ``incoming`` as those from Kafka do."""

    def facts(self, connection: Connection[Any], projection: FactProjection, spans: Sequence[Span]) -> tuple[int, int]:
        """As the envelopes' rows."""
        bounds = {"low": min(span.low for span in spans), "high": max(span.high for span in spans), "sign": 1}
        connection.execute(
            "insert into incoming select * from ballyhoo.facts where position between %(low)s + 1 and %(high)s", bounds
        )
        found = connection.execute(projection.from_incoming.encode(), bounds).fetchone()
        assert found is not None
        return found[0], found[1]


@pytest.mark.req("EVT-3", "ANA-1")
@pytest.mark.parametrize("through_incoming", [False, True], ids=["from the store", "as from Kafka"])
def test_a_void_takes_an_archived_fact_back(world: Past, through_incoming: bool) -> None:
    name = f"late void {through_incoming}"
    archived = one(world.url, "select max(last_position) from ballyhoo.archives")
    start = 40 if through_incoming else 0
    targets = [fact for fact in world.told[:700] if fact.kind not in ("void", "spend")][start : start + 40]
    world.tell([
        replace(fact, id=f"{name} {number}", kind="void", voids=fact.id, contact=None, labels=(None,) * 6, quantity=1,
                amount=None, type=None, name=None, order=None, agent=None)
        for number, fact in enumerate(targets)
    ])  # fmt: skip
    of_targets = rows(
        world.url,
        "select v.part, ballyhoo.archived_part(v.voids_position) from ballyhoo.facts v"
        " where v.id like %s and v.voids_position <= %s and ballyhoo.archived_part(v.voids_position) is not null",
        f"{name}%", archived,
    )  # fmt: skip

    for projection in PROJECTIONS:
        with stepper(world.url, projection) as folding:
            if through_incoming:
                folding.projecting.source = _Incoming(Codec(EVENTS))
            folding.finish()
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute("delete from ballyhoo.leases")
    fold(world.url)

    assert len(of_targets) > 10
    assert all(part == of_target for part, of_target in of_targets)
    assert world.is_exact()
    vars(world)["checksums"] = [_checksum(world, projection) for projection in PROJECTIONS]


def test_the_way_back_catches_up_from_the_files(world: Past) -> None:
    with psycopg.connect(world.url, autocommit=True) as connection:
        # The former tables as they were at the beginning of the log.
        connection.execute("set role ballyhoo_engine")
        for table in (*(one.name for one in CAMPAIGN_METRICS.tables if one.name != "rule"),):
            connection.execute(f"truncate campaign_metrics_v1_old.{table}".encode())
        connection.execute("update campaign_metrics_v1_old.checkpoints set high = 0")

    back = Rebuild(world.url, live(CAMPAIGN_METRICS)).back()

    assert back.records > 300
    assert world.is_exact()
    assert _checksum(world, CAMPAIGN_METRICS) == vars(world)["checksums"][0]


@pytest.mark.req("EVT-4")
def test_the_self_check_makes_rows_anew_from_the_files(world: Past) -> None:
    with connect(world.url, "check", statement_timeout_ms=60_000) as connection:
        for place in world.places:
            with connection.transaction():
                connection.execute("set transaction isolation level repeatable read")
                assert campaign_differences(connection, CAMPAIGN_METRICS, place.stream) == 0
        altered = world.places[0].stream
        with connection.transaction(force_rollback=True):
            connection.execute("update campaign_metrics_v1.totals set n = n + 1 where campaign = %s", (altered,))
            assert campaign_differences(connection, CAMPAIGN_METRICS, altered) > 0


def test_what_is_told_while_partitions_move_is_neither_lost_nor_held_up(
    fresh_database: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = past(fresh_database, tmp_path_factory.mktemp("archive"), SEED + 1, 150)
    stop = threading.Event()
    seen: list[Any] = []

    def look() -> None:
        while not stop.is_set():
            seen.append(made.is_exact())

    with projector(made.url):
        looking = threading.Thread(target=look)
        looking.start()
        outcome = made.archive()
        stop.set()
        looking.join()
        click = Told(made.places[0].workspace, str(made.places[0].id), "after", "click", SPRING)
        made.tell([click])
        caught_up(made.url)

    assert len(outcome.moved) == 3
    assert seen
    assert all(seen)
    assert made.is_exact()
