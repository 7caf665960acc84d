"""The in-memory store keeps the promises of the port."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.memory import MemoryEventStore
from application.ports import Answer, Idempotency, KeyUsedDifferently, StaleVersion
from domain.campaign.campaign import Campaign
from domain.shared.errors import AlreadyExists, NotFound
from domain.workspace.workspace import Workspace
from tests.examples.campaigns import ALICE, AUTUMN, NOON, a_draft
from tests.examples.worlds import ELSEWHERE, STUDIO, World


async def test_a_time_of_recording_is_later_than_the_one_before() -> None:
    world = World()
    campaign = a_draft()
    campaign.launch(by=ALICE, at=NOON)

    recorded = await world.store.save(campaign, world.asks())

    entries = await world.store.history(Campaign, STUDIO, AUTUMN)
    assert [entry.recorded_at for entry in entries] == [NOON, NOON + timedelta(microseconds=1)]
    assert recorded.recorded_at == entries[-1].recorded_at
    loaded = await world.store.get(Campaign, STUDIO, AUTUMN)
    assert loaded.state().started_at == entries[-1].recorded_at


@pytest.mark.req("EVT-5")
async def test_a_stream_is_read_as_it_was() -> None:
    world = World()
    await world.store.save(a_draft(), world.asks())
    campaign = await world.store.get(Campaign, STUDIO, AUTUMN)
    campaign.launch(by=ALICE, at=NOON)
    recorded = await world.store.save(campaign, world.asks())

    before = await world.store.get(Campaign, STUDIO, AUTUMN, version=1)
    after = await world.store.get(Campaign, STUDIO, AUTUMN, position=recorded.position.events)

    assert (before.status, after.status) == ("draft", "active")
    for moment in ({"version": 3}, {"position": 0}):
        with pytest.raises(NotFound):
            await world.store.get(Campaign, STUDIO, AUTUMN, **moment)


async def test_a_stale_version_and_a_taken_id_are_refused() -> None:
    world = World()
    await world.store.save(a_draft(), world.asks())
    one, other = [await world.store.get(Campaign, STUDIO, AUTUMN) for _ in range(2)]
    one.launch(by=ALICE, at=NOON)
    other.cancel(by=ALICE, at=NOON)

    await world.store.save(one, world.asks())

    with pytest.raises(StaleVersion) as refusal:
        await world.store.save(other, world.asks())
    assert refusal.value.stands == 2
    with pytest.raises(AlreadyExists):
        await world.store.save(a_draft(), world.asks())


async def test_a_stream_belongs_to_its_workspace_and_kind() -> None:
    world = World()
    await world.store.save(a_draft(), world.asks())

    with pytest.raises(NotFound):
        await world.store.get(Campaign, ELSEWHERE, AUTUMN)
    with pytest.raises(NotFound):
        await world.store.get(Workspace, STUDIO, AUTUMN)


async def test_the_first_answer_under_a_key_stands() -> None:
    store = MemoryEventStore(World().clock)
    key = Idempotency("key", b"1")

    assert await store.answer(STUDIO, key) is None
    await store.keep(STUDIO, key, Answer(409, b"no"))
    await store.keep(STUDIO, key, Answer(404, b"never"))

    kept = await store.answer(STUDIO, key)
    assert kept is not None
    assert (kept.answer, kept.version) == (Answer(409, b"no"), None)
    assert await store.answer(ELSEWHERE, key) is None
    with pytest.raises(KeyUsedDifferently):
        await store.answer(STUDIO, Idempotency("key", b"2"))
