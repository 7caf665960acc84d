"""A snapshot makes loading short and changes nothing: on, off or unreadable, the state is the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.event_store import snapshots
from adapters.event_store.snapshots import EVERY
from application.ports import Unavailable
from domain.ab_test.ab_test import ABTest
from domain.campaign.campaign import Campaign
from domain.workspace.workspace import Workspace
from tests.adapters.event_store.conftest import Opens
from tests.examples.campaigns import ALICE, NOON, after_noon
from tests.support.event_store import CODEC, Studio

pytestmark = pytest.mark.req("EVT-9")


async def lived(studio: Studio, versions: int) -> Campaign:
    """A campaign with so many events, appended twenty at a time; the last snapshot has been taken."""
    campaign = studio.draft()
    while campaign.version < versions:
        for _ in range(min(20, versions - campaign.version)):
            at = after_noon(minutes=campaign.version)
            if campaign.version == 1:
                campaign.launch(by=ALICE, at=at)
            else:
                campaign.change({"tags": [f"v{campaign.version + 1}"]}, by=ALICE, at=at)
        await studio.store.save(campaign, studio.asks())
    await studio.store.close()
    return campaign


def taken(studio: Studio, campaign: Campaign) -> list[tuple[int, str]]:
    """The snapshots of a campaign."""
    return studio.place.rows(
        "select p.version, p.topic from ballyhoo.snapshots p join ballyhoo.streams s using (stream) where s.id = %s "
        "order by 1",
        campaign.id,
    )


async def seen(studio: Studio, campaign: Campaign, **moment: Any) -> tuple[Any, ...]:
    """Everything that a load gives."""
    loaded = await studio.load(campaign.id, **moment)
    return loaded.version, loaded.created_on, loaded.modified_on, loaded.state(), loaded.due_work()


async def test_one_is_taken_at_a_hundred_events_beside_the_command(alice: Studio) -> None:
    campaign = await lived(alice, EVERY - 1)
    assert taken(alice, campaign) == []

    campaign.change({"tags": ["the hundredth"]}, by=ALICE, at=NOON)
    await alice.store.save(campaign, alice.asks())
    await alice.store.close()

    assert taken(alice, campaign) == [(EVERY, snapshots.topic(Campaign))]


async def test_a_save_that_jumps_over_the_hundredth_takes_it_there(alice: Studio) -> None:
    campaign = await lived(alice, EVERY - 1)
    for tag in ("hundred", "hundred and one", "hundred and two"):
        campaign.change({"tags": [tag]}, by=ALICE, at=NOON)
    await alice.store.save(campaign, alice.asks())
    await alice.store.close()

    assert [version for version, _ in taken(alice, campaign)] == [EVERY]
    assert (await alice.load(campaign.id, version=EVERY)).settings.tags == ("hundred",)


async def test_on_off_and_at_every_moment_the_state_is_the_same(alice: Studio, opens: Opens) -> None:
    campaign = await lived(alice, 2 * EVERY + 7)
    plain = await opens(caller=alice.caller, with_snapshots=False)
    positions = alice.place.rows(
        "select e.version, position from ballyhoo.events e join ballyhoo.streams s using (stream) where s.id = %s",
        campaign.id,
    )
    assert [version for version, _ in taken(alice, campaign)] == [EVERY, 2 * EVERY]

    assert await seen(alice, campaign) == await seen(plain, campaign)
    for version in (1, EVERY - 1, EVERY, EVERY + 1, 2 * EVERY - 1, 2 * EVERY, 2 * EVERY + 7):
        expected = await seen(plain, campaign, version=version)
        assert expected[0] == version
        assert await seen(alice, campaign, version=version) == expected
        assert await seen(alice, campaign, position=dict(positions)[version]) == expected


async def test_it_holds_the_recorded_times(alice: Studio) -> None:
    campaign = await lived(alice, EVERY)

    loaded = await alice.load(campaign.id)

    times = alice.place.rows(
        "select e.version, recorded_at from ballyhoo.events e join ballyhoo.streams s using (stream) where s.id = %s",
        campaign.id,
    )
    recorded = dict(times)
    assert loaded.created_on == recorded[1]
    assert loaded.state().started_at == recorded[2]
    assert loaded.modified_on == recorded[EVERY]
    assert campaign.state().started_at == after_noon(minutes=1), "the command knew only its own clock"


async def test_only_what_came_after_it_is_read(alice: Studio) -> None:
    campaign = await lived(alice, EVERY + 3)
    alice.place.rows(
        "update ballyhoo.snapshots set state = convert_to(replace(convert_from(state, 'utf8'), "
        "'Autumn e-mail', 'As the snapshot says'), 'utf8')"
    )

    loaded = await alice.load(campaign.id)

    assert (loaded.settings.name, loaded.settings.tags) == ("As the snapshot says", (f"v{EVERY + 3}",))


@pytest.mark.parametrize(
    "spoilt",
    [
        "update ballyhoo.snapshots set state = '\\x00'",
        "update ballyhoo.snapshots set state = ''",
        "update ballyhoo.snapshots set state = '{}'",
        "update ballyhoo.snapshots set state = '[]'",
        "update ballyhoo.snapshots set state = 'null'",
        "update ballyhoo.snapshots set state = '\\xff'",
        "update ballyhoo.snapshots set state = substr(state, 1, octet_length(state) - 1)",
        "update ballyhoo.snapshots set state = replace(encode(state, 'escape'), '\"active\"', '\"napping\"')::bytea",
        "update ballyhoo.snapshots set state = replace(encode(state, 'escape'), '\"status\"', '\"mood\"')::bytea",
        "update ballyhoo.snapshots set state = decode(replace(encode(state, 'hex'), '76', 'ff'), 'hex')",
        "update ballyhoo.snapshots set topic = 'campaign:1:another shape'",
        "update ballyhoo.snapshots set topic = ''",
    ],
)
async def test_one_that_cannot_be_read_is_ignored(alice: Studio, opens: Opens, spoilt: str) -> None:
    campaign = await lived(alice, EVERY + 1)
    plain = await opens(caller=alice.caller, with_snapshots=False)
    alice.place.rows(spoilt)

    assert await seen(alice, campaign) == await seen(plain, campaign)


@given(st.binary())
def test_no_garbage_is_taken_for_a_snapshot(garbage: bytes) -> None:
    assert snapshots.restore(CODEC, Campaign, NOON, (1, "", garbage)) is None  # type: ignore[arg-type]


async def test_one_that_cannot_be_taken_harms_nobody(alice: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = alice.pool.rows

    async def away(statement: str, values: Any = None) -> list[tuple[Any, ...]]:
        if statement is snapshots.KEEP:
            raise Unavailable("away")
        return await rows(statement, values)

    monkeypatch.setattr(alice.pool, "rows", away)

    campaign = await lived(alice, EVERY)

    assert taken(alice, campaign) == []
    assert (await alice.load(campaign.id)).version == EVERY


async def test_one_is_taken_while_others_go_on_writing(alice: Studio) -> None:
    campaign = await lived(alice, EVERY - 1)
    for tag in range(4):
        campaign.change({"tags": [str(tag)]}, by=ALICE, at=NOON)
        await alice.store.save(campaign, alice.asks())
    await asyncio.gather(*alice.store._tasks)

    assert [version for version, _ in taken(alice, campaign)] == [EVERY]
    assert (await alice.load(campaign.id)).settings.tags == ("3",)


def test_the_name_of_a_shape_follows_the_state_and_not_its_prose() -> None:
    @dataclass(frozen=True)
    class Lines:
        description: str = ""

    def shaped(*changes: tuple[str, Any], class_version: int = 1) -> str | None:
        state = type("State", (), {"__annotations__": {"lines": tuple[Lines, ...], "title": str}} | dict(changes))
        words = {"KIND": "book", "STATE": dataclass(frozen=True, kw_only=True)(state), "class_version": class_version}
        return snapshots.topic(type("Kind", (), words))

    plain = shaped()
    assert shaped(("__doc__", "Other prose.")) == plain
    assert shaped(("__annotations__", {"lines": tuple[Lines, ...], "name": str})) != plain
    assert shaped(("__annotations__", {"lines": tuple[str, ...], "title": str})) != plain
    assert shaped(("title", "a default")) != plain
    assert shaped(("lines", field(default=()))) != shaped(("lines", field(default=(Lines("x"),))))
    assert shaped(class_version=2) != plain


def test_every_aggregate_can_be_kept() -> None:
    topics = {kind.KIND: snapshots.topic(kind) for kind in (Campaign, ABTest, Workspace)}

    assert all(topic is not None and topic.startswith(f"{kind}:1:") for kind, topic in topics.items())
