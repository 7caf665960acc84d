"""Partitions become files one by one, whole or not at all, whoever dies; damage is named, dropping is for good."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.archive import dropping
from adapters.archive.archiving import ArchiveStopped, alone, exclusively
from adapters.archive.file import Damaged
from adapters.archive.folder import FolderMissing
from adapters.postgres.pool import Pool
from adapters.read_models.figures import PostgresFigures
from adapters.read_models.rebuild.places import live
from adapters.read_models.rebuild.rebuild import Rebuild
from adapters.read_models.rebuild.stopping import RebuildStopped
from adapters.read_models.schemas import ensure_schemas
from api.errors import of
from application.ports import Reached
from domain.shared.errors import Invalid
from domain.shared.position import Position
from projections.ab_evidence.question import EvidenceQuestion
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.encoding import encode
from projections.facts import FactQuery
from tests.infra.serving import run
from tests.plugins.databases import Server
from tests.support.archiving import MONTHS, Past, dying, past
from tests.support.folding import rows
from tests.support.likeness import plain
from tests.support.rebuilding import one, rebuilt

SEED = 37
COUNT = 120
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW: Any = {
    "starts": datetime(2026, 10, 2, 1, 1, 1, tzinfo=UTC), "ends": datetime(2026, 10, 30, 1, 1, 1, tzinfo=UTC)
}  # fmt: skip

pytestmark = pytest.mark.req("OPS-3")


@pytest.fixture(scope="module")
def three_months(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Past]]:
    """A database that the tests of this module clone, and what is in it."""
    print(f"seed {SEED}")
    name = server.clone()
    yield name, past(server.database(name), tmp_path_factory.mktemp("unused"), SEED, COUNT)
    server.drop(name)


@pytest.fixture
def world(server: Server, three_months: tuple[str, Past], tmp_path: Path) -> Iterator[Past]:
    """Three months, nothing of them archived."""
    template, made = three_months
    name = server.create(template=template)
    with psycopg.connect(server.database(name), autocommit=True) as connection:
        ensure_schemas(connection)  # grants on a database are not cloned
    yield replace(made, url=server.database(name), folder=tmp_path / "archive", told=list(made.told))
    server.drop(name)


@pytest.fixture
def archived(world: Past) -> Past:
    """Three archived months."""
    assert len(world.archive().moved) == 3
    return world


@pytest.mark.parametrize("where", ["half", "file", "row", "next"])
def test_killed_anywhere_it_goes_on(world: Past, where: str) -> None:
    before = world.sent()

    assert dying(world.url, world.folder, where) == -9
    assert world.sent() == before
    outcome = world.archive()

    assert len(outcome.moved) == (2 if where == "next" else 3)
    assert world.sent() == before
    assert world.is_exact()
    assert sorted(path.name for path in world.folder.iterdir()) == [
        "facts_202601.ballyhoo", "facts_202602.ballyhoo", "facts_202603.ballyhoo"
    ]  # fmt: skip
    with psycopg.connect(world.url) as connection:
        assert [dropping.verify(connection, each) for each in dropping.listed(connection)] == [None] * 3


def test_only_what_lies_wholly_before_the_time_is_moved(world: Past) -> None:
    assert [moved.partition for moved in world.archive(MONTHS[1]).moved] == ["facts_202601"]
    assert [moved.partition for moved in world.archive(MARCH).moved] == ["facts_202602"]
    assert world.archive(MARCH).moved == []
    assert [moved.partition for moved in world.archive(datetime(2027, 1, 1, tzinfo=UTC)).moved] == ["facts_202603"]
    assert world.is_exact()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("update campaign_metrics_v1.checkpoints set high = 3 where part = 7",
         "tables of campaign_metrics_v1 have read up to position 3"),
        ("create schema ab_evidence_v1_new; create table ab_evidence_v1_new.checkpoints as select log, 0 as high"
         " from ab_evidence_v1.checkpoints", "a rebuild in ab_evidence_v1_new have read up to position 0"),
        ("insert into ballyhoo.relay (log, epoch, position, lasts) select 'engagement', epoch, 5, '{}'"
         " from ballyhoo.epochs", "the relay has handed on up to position 5"),
        ("insert into ballyhoo.parked (workspace, projection, log, position, reason) values (1, 'campaign_metrics',"
         " 'engagement', 9, 'bad')", "the fact at position 9 is parked"),
    ],
    ids=["a projection", "a rebuild", "the relay", "a parked fact"],
)  # fmt: skip
def test_nothing_is_moved_that_somebody_has_still_to_read(world: Past, statement: str, reason: str) -> None:
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute(statement.encode())

    outcome = world.archive()

    assert outcome.moved == []
    assert outcome.held_back is not None
    assert reason in outcome.held_back


def test_of_two_at_once_one_runs(world: Past) -> None:
    with alone(world.url), pytest.raises(ArchiveStopped, match="Another archive command is at work"):
        world.archive()
    assert len(world.archive().moved) == 3


def test_a_folder_without_the_files_is_refused(archived: Past, tmp_path: Path) -> None:
    archived.folder = tmp_path / "elsewhere"

    with pytest.raises(FolderMissing, match=r"has no facts_202601|move all of it"):
        archived.archive()
    (tmp_path / "archive").rename(archived.folder)
    archived.archive()
    assert archived.is_exact()


@pytest.mark.parametrize("damage", ["missing", "truncated", "altered"])
def test_a_damaged_file_is_named_and_never_skipped(archived: Past, damage: str) -> None:
    path = archived.folder / "facts_202602.ballyhoo"
    whole = path.read_bytes()
    place = archived.places[0]
    block = rows(
        archived.url,
        "select b.number, b.place, b.size from ballyhoo.archived_blocks b join ballyhoo.archives a on a.id = b.archive"
        " where a.file = %s order by b.number desc limit 1", path.name,
    )[0]  # fmt: skip
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(whole[: block[1] + 10])
    else:
        path.write_bytes(whole[: block[1] + 10] + bytes([whole[block[1] + 10] ^ 1]) + whole[block[1] + 11 :])
    number = 0 if damage == "missing" else block[0]

    with pytest.raises(Damaged, match=rf"facts_202602\.ballyhoo is damaged in block {number}: ") as named:
        archived.asked(lambda reads, moments: reads.metrics(place.workspace, place.id, **WINDOW))
    with pytest.raises(Damaged):
        archived.asked(lambda reads, moments: reads.facts(place.workspace, FactQuery(limit=5000)))
    with pytest.raises(RebuildStopped, match=r"facts_202602\.ballyhoo is damaged in block"):
        rebuilt(archived.url, CAMPAIGN_METRICS)
    told = run("archive", "list", "--verify", database_url=archived.url)

    answer = of(named.value)
    assert answer.status_code == 503
    assert b"facts_202602.ballyhoo is damaged in block" in bytes(answer.body)
    assert told.returncode == 1
    assert "facts_202602.ballyhoo" in told.stderr
    assert "Traceback" not in told.stderr
    print(told.stderr.strip())
    path.write_bytes(whole)
    assert archived.is_exact()
    assert rebuilt(archived.url, CAMPAIGN_METRICS).compared is not None


def test_dropped_facts_are_gone_and_every_answer_that_would_need_them_says_so(archived: Past) -> None:
    place = archived.places[0]
    who = (place.workspace, place.id)
    total = archived.asked(lambda reads, moments: reads.metrics(*who))
    last = one(archived.url, "select last_position from ballyhoo.archives where name = 'facts_202602'")

    refused = run("archive", "drop", "--before", "2026-03-01", database_url=archived.url)
    assert refused.returncode == 1
    assert "--yes-delete-for-good" in refused.stderr
    dropped = run("archive", "drop", "--before", "2026-03-01", "--yes-delete-for-good", database_url=archived.url)

    print(dropped.stdout.strip(), dropped.stderr.strip())
    assert dropped.returncode == 0
    assert sorted(path.name for path in archived.folder.iterdir()) == ["facts_202603.ballyhoo"]
    horizon = "2026-03-01T00:00:00.000000Z"
    assert plain(archived.asked(lambda reads, moments: reads.metrics(*who)).value) == plain(total.value)
    windowed = archived.asked(lambda reads, moments: reads.metrics(*who, **WINDOW))
    assert windowed.value.horizon == horizon
    assert b'"horizon":"2026-03-01' in encode(windowed.value)
    assert b"horizon" not in encode(total.value)
    epoch, events = total.position.epoch, total.position.events
    then = Position(epoch, events, last)
    for ask in (
        lambda reads, moments: reads.roi(*who, as_of=then), lambda reads, moments: reads.metrics(*who, as_of=then),
        lambda reads, moments: reads.funnel(*who, ("click",), as_of=then),
    ):  # fmt: skip
        assert archived.asked(ask).value.horizon == horizon
    with pytest.raises(Invalid, match=f"/as_of: Facts recorded before the horizon, {horizon}"):
        archived.asked(lambda reads, moments: reads.evidence(*who, EvidenceQuestion(("mens", "womens")), as_of=then))
    reached = archived.asked(lambda reads, moments: PostgresFigures(Pool(archived.url), reads).of(*who, as_of=then))
    assert reached == Reached(None, last, horizon)
    page = archived.asked(lambda reads, moments: reads.facts(place.workspace, FactQuery(limit=5000)))
    assert page.value.horizon == horizon
    assert archived.asked(lambda reads, moments: reads.facts(place.workspace, FactQuery(limit=3))).value.horizon is None
    earlier = archived.asked(lambda reads, moments: moments.at(MONTHS[0]))
    assert earlier is not None
    before = Position(epoch, events, earlier.engagement)
    with pytest.raises(Invalid, match=f"/as_of: Facts recorded before the horizon, {horizon}"):
        archived.asked(lambda reads, moments: reads.metrics(*who, as_of=before))
    reached = archived.asked(lambda reads, moments: PostgresFigures(Pool(archived.url), reads).of(*who, as_of=before))
    assert reached == Reached(None, before.engagement, horizon)
    with pytest.raises(RebuildStopped, match=f"Facts recorded before {horizon} were dropped"):
        Rebuild(archived.url, live(CAMPAIGN_METRICS)).run()
    assert one(archived.url, "select to_regnamespace('campaign_metrics_v1_new') is null")
    with pytest.raises(psycopg.errors.RestrictViolation), psycopg.connect(archived.url) as connection:
        connection.execute("delete from ballyhoo.horizons")
    kept = rows(archived.url, "select recorded_before, position, facts > 0, moved_by <> '' from ballyhoo.horizons")
    assert kept == [(MARCH, last, True, True)]


def test_a_drop_that_was_killed_before_the_file_went_is_ended_by_the_next(
    archived: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(path: Path, missing_ok: bool = False) -> None:
        raise KeyboardInterrupt

    before = len(list(archived.folder.iterdir()))
    with monkeypatch.context() as dying_there:
        dying_there.setattr(Path, "unlink", die)
        with pytest.raises(KeyboardInterrupt):
            dropping.drop(archived.url, MARCH, "ann")
    assert len(list(archived.folder.iterdir())) == before

    assert dropping.drop(archived.url, MARCH, "ann") is None
    assert [path.name for path in archived.folder.iterdir()] == ["facts_202603.ballyhoo"]
    assert one(archived.url, "select count(*) from ballyhoo.horizons") == 1


def test_the_next_partition_is_made_ahead_while_others_read(world: Past) -> None:
    made = "select to_regclass(to_char(now() at time zone 'UTC' + interval '1 month', '\"ballyhoo.facts_\"YYYYMM'))"
    assert one(world.url, made) is None
    with psycopg.connect(world.url) as reading, psycopg.connect(world.url, autocommit=True) as making:
        reading.execute("select count(*) from ballyhoo.facts")
        making.execute("set lock_timeout = '200ms'")

        began = time.monotonic()
        making.execute("select ballyhoo.make_next_partition()")

        assert time.monotonic() - began < 5
    assert one(world.url, made) is not None
    triggers = "select count(*) from pg_trigger where tgrelid = 'ballyhoo.facts_202601'::regclass and not tgisinternal"
    assert one(world.url, triggers) == 1


@pytest.mark.req("OPS-2")
def test_the_command_prints_what_it_took_before_and_after(world: Past, tmp_path: Path) -> None:
    nowhere = run("archive", database_url=world.url)
    wrong = run("archive", "--before", "soon", database_url=world.url, archive=str(world.folder))
    done = run("archive", "--before", "2026-04-01", database_url=world.url, archive=str(world.folder))
    listed = run("archive", "list", "--verify", database_url=world.url)

    assert nowhere.returncode == wrong.returncode == 1
    assert nowhere.stderr.startswith("ballyhoo: BALLYHOO_ARCHIVE is not set")
    assert wrong.stderr.startswith("ballyhoo: soon is no time")
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert "bytes before" in done.stdout.splitlines()[-1]
    assert listed.stdout.count(", whole") == 3


def test_a_process_that_is_stopped_while_it_keeps_all_others_out_loses_the_lock(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.archive.archiving.IDLE", "200ms")

    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout), alone(fresh_database) as connection:
        exclusively(connection, lambda: time.sleep(1.0))

    assert one(fresh_database, "select count(*) from pg_locks where mode = 'AccessExclusiveLock'") == 0
