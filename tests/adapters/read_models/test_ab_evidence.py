"""What tests have seen: every count is the oracle's, in any order and batches, as known then, and rebuilt."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from adapters.engagement_log.log import PostgresFactLog
from adapters.postgres.pool import Pool
from adapters.read_models import projecting
from adapters.read_models.reader import PostgresReads
from adapters.read_models.rebuild.places import live
from adapters.read_models.rebuild.rebuild import Rebuild
from adapters.read_models.schemas import ensure_schemas
from application.ports import Position
from domain.ab_test.evidence import Evidence
from projections.ab_evidence import AB_EVIDENCE
from projections.ab_evidence.question import EvidenceQuestion
from tests.support import evidence_oracle
from tests.support.oracle import Oracle, Told
from tests.support.projector import caught_up, projector
from tests.support.told import Place, forty_days, make_campaigns, tell

SEED = 20261121
COUNT = 1500
ARMS = ("mens", "womens")
HALF = datetime(2026, 10, 9, tzinfo=UTC)



@dataclass
class World:
    """What was told, where, and how to ask about it."""

    url: str
    places: list[Place]
    told: list[Told]
    words: list[str]
    reads: PostgresReads
    epoch: Any

    def oracle(self, place: Place, until: int | None = None) -> Oracle:
        """The oracle over what was told, or over the first ``until`` facts."""
        told = self.told[:until] if until is not None else self.told
        return Oracle(told, place.workspace, str(place.id), currency=place.currency, words=self.words)


@pytest.fixture(scope="module", params=[(7, 64), (500, 20_000)], ids=["in small batches", "in large batches"])
def sizes(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """How many positions a batch holds, at first and at most."""
    smallest, largest = projecting.SMALLEST, projecting.LARGEST
    projecting.SMALLEST, projecting.LARGEST = request.param
    yield request.param
    projecting.SMALLEST, projecting.LARGEST = smallest, largest


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(server: Any, sizes: tuple[int, int]) -> AsyncIterator[World]:
    """Two workspaces whose facts were told while a projector was at work; the second world hears them in another
    order."""
    name = server.clone()
    url = server.database(name)
    places = make_campaigns(url, [["USD", "USD"], ["JPY"]])
    told = forty_days(SEED, places, COUNT)
    if sizes[0] != 7:
        random.Random(1).shuffle(told)
    log, pool = PostgresFactLog(url), Pool(url)
    await log.open()
    await pool.open()
    with projector(url, projections=[AB_EVIDENCE]):
        await tell(log, places, told, batch=sizes[0] * 3)
        caught_up(url, 120, [AB_EVIDENCE])
    with psycopg.connect(url) as connection:
        row = connection.execute("select epoch, (select words from ballyhoo.bot_rules where live) from ballyhoo.epochs")
        epoch, words = row.fetchone() or (None, None)
    yield World(url, places, told, words, PostgresReads(pool, lambda: epoch), epoch)
    await log.close()
    await pool.close()
    server.drop(name)


pytestmark = pytest.mark.asyncio(loop_scope="module")


def arms_of(evidence: Evidence) -> list[dict[str, Any]]:
    """The arms as plain values."""
    return [dataclasses.asdict(arm) for arm in evidence.arms]


@pytest.mark.req("ABT-2")
async def test_every_count_of_every_arm_is_exact(world: World) -> None:
    for place in world.places:
        oracle = world.oracle(place)

        found = (await world.reads.evidence(place.workspace, place.id, EvidenceQuestion(ARMS))).value

        assert arms_of(found) == [evidence_oracle.seen(oracle, arm) for arm in ARMS]
        assert found.crossed == evidence_oracle.crossed(oracle, ARMS)
        assert found.per_day == pytest.approx(evidence_oracle.traffic(oracle, ARMS), rel=1e-12)
        assert found.position is not None
        assert found.position.engagement == len(world.told)


@pytest.mark.req("ABT-2")
async def test_a_cap_and_an_end_are_kept_by_reading_the_contacts(world: World) -> None:
    place = world.places[0]
    oracle = world.oracle(place)
    question = EvidenceQuestion(ARMS, ((HALF, (0.5, 0.5)),), until=HALF, cap=1999)

    found = (await world.reads.evidence(place.workspace, place.id, question)).value

    assert [arm["contacts"] for arm in arms_of(found)] != [0, 0]
    assert arms_of(found) == [evidence_oracle.seen(oracle, arm, until=HALF, cap=1999) for arm in ARMS]


@pytest.mark.req("ABT-4")
async def test_contacts_are_held_against_the_shares_under_which_they_came(world: World) -> None:
    place = world.places[0]
    oracle = world.oracle(place)
    firsts = [
        evidence_oracle.first_exposed([fact for fact in oracle.facts if fact.labels[0] == arm]).values() for arm in ARMS
    ]
    phases = ((datetime(2000, 1, 1, tzinfo=UTC), (0.5, 0.5)), (HALF, (0.8, 0.2)))

    found = (await world.reads.evidence(place.workspace, place.id, EvidenceQuestion(ARMS, phases))).value

    assert [phase.contacts for phase in found.phases or ()] == [
        tuple(sum(at < HALF for at in times) for times in firsts),
        tuple(sum(at >= HALF for at in times) for times in firsts),
    ]


@pytest.mark.req("EVT-5", "ABT-2")
async def test_an_earlier_position_answers_as_it_did_then(world: World) -> None:
    place = world.places[0]
    for until in (0, 137, 900, len(world.told) // 2, len(world.told)):
        oracle = world.oracle(place, until)
        then = Position(world.epoch, len(world.places), until)

        found = (await world.reads.evidence(place.workspace, place.id, EvidenceQuestion(ARMS), as_of=then)).value

        assert arms_of(found) == [evidence_oracle.seen(oracle, arm) for arm in ARMS]
        assert found.crossed == evidence_oracle.crossed(oracle, ARMS)


@pytest.mark.req("EVT-4")
async def test_rebuilt_from_the_log_every_row_is_the_same(world: World) -> None:
    before = [(await world.reads.evidence(p.workspace, p.id, EvidenceQuestion(ARMS))).value for p in world.places]

    with psycopg.connect(world.url, autocommit=True) as connection:
        ensure_schemas(connection)  # a cloned database has none of the rights that its own migration gives
    outcome = Rebuild(world.url, live(AB_EVIDENCE)).run()

    assert outcome.compared is not None
    assert outcome.compared.first_difference is None
    assert outcome.compared.live == outcome.compared.rebuilt
    after = [(await world.reads.evidence(p.workspace, p.id, EvidenceQuestion(ARMS))).value for p in world.places]
    assert after == before
