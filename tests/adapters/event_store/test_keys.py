"""A key's answer stands in the transaction of its events; the first one stands for ever."""

from __future__ import annotations

import asyncio

import pytest

from adapters.event_store.append import REPLAY, STORED
from application.ports import Answer, Idempotency, KeyUsedDifferently, StaleVersion
from domain.shared.times import written
from tests.adapters.event_store.conftest import Opens
from tests.adapters.event_store.test_group_appender import in_one_group
from tests.examples.campaigns import ALICE, NOON
from tests.support.event_store import Studio

pytestmark = pytest.mark.req("EVT-7")

LAUNCH = Idempotency("launch it", b"l" * 32)


async def test_a_repeated_key_answers_as_it_did_and_appends_nothing(alice: Studio) -> None:
    campaign = await alice.drafted()
    twin = await alice.load(campaign.id)
    campaign.launch(by=ALICE, at=NOON)
    first = await alice.store.save(campaign, alice.asks(key=LAUNCH, body=b'{"started_at": "then"}'))
    twin.cancel(by=ALICE, at=NOON)

    again = await alice.store.save(twin, alice.asks(key=LAUNCH, body=b"another"))

    assert again.replayed
    assert not first.replayed
    assert (again.position, again.recorded_at, again.version) == (first.position, first.recorded_at, 2)
    assert (again.answer, first.answer) == (Answer(200, b'{"started_at": "then"}'),) * 2
    assert len(alice.place.versions(alice.caller)) == 2


async def test_an_answer_names_the_time_of_recording_now_and_later(alice: Studio) -> None:
    async def present(aggregate: object) -> Answer:
        return Answer(201, b'{"at": "' + written(NOON).encode() + b'"}', written(NOON).encode())

    context = alice.asks(key=LAUNCH)
    object.__setattr__(context, "present", present)

    recorded = await alice.store.save(alice.draft(), context)

    expected = Answer(201, b'{"at": "' + written(recorded.recorded_at).encode() + b'"}')
    kept = await alice.store.answer(alice.caller.workspace, LAUNCH)
    assert recorded.recorded_at != NOON
    assert recorded.answer == expected
    assert kept is not None
    assert (kept.answer, kept.version, kept.position) == (expected, 1, recorded.position)


async def test_the_key_of_a_lost_race_is_free(alice: Studio) -> None:
    campaign = await alice.drafted()
    late = await alice.load(campaign.id)
    campaign.launch(by=ALICE, at=NOON)
    await alice.store.save(campaign, alice.asks())
    late.cancel(by=ALICE, at=NOON)

    with pytest.raises(StaleVersion):
        await alice.store.save(late, alice.asks(key=LAUNCH))

    assert await alice.store.answer(alice.caller.workspace, LAUNCH) is None
    again = await alice.load(campaign.id)
    again.cancel(by=ALICE, at=NOON)
    assert not (await alice.store.save(again, alice.asks(key=LAUNCH))).replayed


async def test_a_refusal_is_kept_and_the_first_decision_stands(alice: Studio) -> None:
    refusal = Answer(409, b'{"title": "not now"}')
    await alice.store.keep(alice.caller.workspace, LAUNCH, refusal)
    await alice.store.keep(alice.caller.workspace, LAUNCH, Answer(404, b"later"))

    kept = await alice.store.answer(alice.caller.workspace, LAUNCH)
    recorded = await alice.store.save(alice.draft(), alice.asks(key=LAUNCH))

    assert kept is not None
    assert (kept.answer, kept.version, kept.position, kept.recorded_at) == (refusal, None, None, None)
    assert (recorded.answer, recorded.replayed) == (refusal, True)
    assert alice.place.versions(alice.caller) == []


async def test_a_refusal_after_a_decision_changes_nothing(alice: Studio) -> None:
    await alice.store.save(alice.draft(), alice.asks(key=LAUNCH, body=b"made"))

    await alice.store.keep(alice.caller.workspace, LAUNCH, Answer(404, b"late"))

    kept = await alice.store.answer(alice.caller.workspace, LAUNCH)
    assert kept is not None
    assert kept.answer == Answer(200, b"made")


async def test_a_key_used_with_another_body_is_told(alice: Studio) -> None:
    await alice.store.save(alice.draft(), alice.asks(key=LAUNCH))
    other = Idempotency(LAUNCH.key, b"o" * 32)

    with pytest.raises(KeyUsedDifferently):
        await alice.store.answer(alice.caller.workspace, other)
    with pytest.raises(KeyUsedDifferently):
        await alice.store.save(alice.draft(), alice.asks(key=other))


async def test_a_key_belongs_to_its_workspace(alice: Studio, opens: Opens) -> None:
    bob = await opens()

    await alice.store.save(alice.draft(), alice.asks(key=LAUNCH))

    assert await bob.store.answer(bob.caller.workspace, LAUNCH) is None
    assert not (await bob.store.save(bob.draft(), bob.asks(key=LAUNCH))).replayed


async def test_twins_in_two_processes_are_one_command(alice: Studio, opens: Opens) -> None:
    processes = [alice, *[await opens(caller=alice.caller) for _ in range(3)]]
    campaigns = [process.draft() for process in processes]

    told = await asyncio.gather(
        *[one.store.save(campaign, one.asks(key=LAUNCH)) for one, campaign in zip(processes, campaigns, strict=True)]
    )

    assert sorted(one.replayed for one in told) == [False, True, True, True]
    assert len({(one.position, one.recorded_at, one.answer) for one in told}) == 1
    assert len(alice.place.versions(alice.caller)) == 1


async def test_many_keys_of_one_group_are_each_kept_with_their_own_events(alice: Studio) -> None:
    campaigns = [alice.draft() for _ in range(4)]
    campaigns[1].archive(by=ALICE, at=NOON)
    keys = [Idempotency(f"key {number}", b"f" * 32) for number in range(4)]
    await alice.store.keep(alice.caller.workspace, keys[2], Answer(409, b"no"))
    commands = [alice.command(one, key=key) for one, key in zip(campaigns, keys, strict=True)]

    outcomes = await in_one_group(alice, commands)

    assert [one.outcome for one in outcomes] == [STORED, STORED, REPLAY, STORED]
    for number in (0, 1, 3):
        kept = await alice.store.answer(alice.caller.workspace, keys[number])
        assert kept is not None
        assert kept.position is not None
        assert (kept.version, kept.position.events) == (campaigns[number].version, outcomes[number].position)
        assert kept.recorded_at == outcomes[number].recorded_at


async def test_a_key_without_an_answer_is_a_mistake_in_the_program(alice: Studio) -> None:
    context = alice.asks(key=LAUNCH)
    object.__setattr__(context, "present", None)

    with pytest.raises(ValueError, match="a key keeps an answer"):
        await alice.store.save(alice.draft(), context)
