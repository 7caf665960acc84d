"""Concurrent commands of one process become one append, and each of them stands or falls alone."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from adapters.event_store.append import CONFLICT, REPLAY, STORED, Command
from application.ports import Idempotency, Overloaded, StaleVersion
from domain.shared.errors import AlreadyExists
from tests.adapters.event_store.conftest import Opens
from tests.examples.campaigns import ALICE, NOON
from tests.support.event_store import Place, Studio

pytestmark = pytest.mark.req("EVT-2")

KEY = Idempotency("a key", b"f" * 32)


@contextmanager
def nobody_appends(place: Place) -> Iterator[None]:
    """Hold the lock that every append takes."""
    with psycopg.connect(place.url) as connection:
        connection.execute("select pg_advisory_xact_lock(7001)")
        yield


async def in_one_group(studio: Studio, commands: list[Command]) -> list[Any]:
    """What became of commands that came while an append was waiting."""
    with nobody_appends(studio.place):
        first = asyncio.create_task(studio.appender.append(studio.command(studio.draft())))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(studio.appender.append(command)) for command in commands]
        await asyncio.sleep(0.05)
    await first
    return await asyncio.gather(*rest, return_exceptions=True)


def groups(studio: Studio) -> list[int]:
    """How many events each append of a workspace made, in order: an append is one transaction."""
    rows = studio.place.rows(
        "select count(*) from ballyhoo.events where workspace = %s group by xmin order by min(position)",
        studio.caller.workspace,
    )
    return [row[0] for row in rows]


async def test_what_came_meanwhile_is_one_append(alice: Studio) -> None:
    campaigns = [alice.draft() for _ in range(40)]
    for campaign in campaigns[:10]:
        campaign.launch(by=ALICE, at=NOON)

    await in_one_group(alice, [alice.command(campaign) for campaign in campaigns])

    assert groups(alice) == [1, 50]
    assert alice.place.versions(alice.caller)[1:] == [
        (campaign.id, version) for campaign in campaigns for version in range(1, campaign.version + 1)
    ]


async def test_a_conflict_in_a_group_falls_alone(alice: Studio) -> None:
    moved = await alice.drafted()
    stale = await alice.load(moved.id)
    moved.launch(by=ALICE, at=NOON)
    await alice.store.save(moved, alice.asks())
    stale.cancel(by=ALICE, at=NOON)
    taken = alice.draft(id=moved.id)
    before, after = alice.draft(), alice.draft()
    after.launch(by=ALICE, at=NOON)

    outcomes = await in_one_group(alice, [alice.command(one) for one in (before, stale, taken, after)])

    assert [(one.outcome, one.version) for one in outcomes] == [
        (STORED, None), (CONFLICT, 2), (CONFLICT, 2), (STORED, None),
    ]  # fmt: skip
    positions = {(row[0], row[1]): row[2] for row in alice.place.rows(
        "select s.id, e.version, e.position from ballyhoo.events e join ballyhoo.streams s using (stream)"
    )}  # fmt: skip
    assert outcomes[0].position == positions[before.id, 1]
    assert outcomes[3].position == positions[after.id, 2]


async def test_every_event_of_a_group_has_the_row_of_its_command(alice: Studio) -> None:
    campaigns = [
        alice.draft(currency=currency, budget=None, content={}, goals=None) for currency in ("USD", "EUR", "JPY")
    ]
    campaigns[1].archive(by=ALICE, at=NOON)
    commands = [alice.command(campaign) for campaign in campaigns]
    commands.insert(1, await stale(alice))

    outcomes = await in_one_group(alice, commands)

    rows = alice.place.rows(
        "select s.id, s.currency, s.version, e.version, e.position, e.recorded_at, e.event_id, e.workspace, e.part, "
        "get_byte(uuid_send(s.id), 15) %% 16 from ballyhoo.events e join ballyhoo.streams s using (stream) "
        "where s.id = any(%s) order by position",
        [campaign.id for campaign in campaigns],
    )
    usd, eur, jpy = (campaign.id for campaign in campaigns)
    assert [row[:4] for row in rows] == [(usd, "USD", 1, 1), (eur, "EUR", 2, 1), (eur, "EUR", 2, 2), (jpy, "JPY", 1, 1)]
    assert [row[6].bytes for row in rows] == [
        id for number in (0, 2, 3) for id, _ in commands[number].events
    ]
    assert all(row[7] == alice.caller.workspace for row in rows)
    assert all(row[8] == row[9] for row in rows)
    told = [(one.position, one.recorded_at) for one in outcomes if one.outcome == STORED]
    assert told == [(row[4], row[5]) for row in (rows[0], rows[2], rows[3])]


async def stale(studio: Studio) -> Command:
    """A command on a version that no longer stands."""
    campaign = await studio.drafted()
    late = await studio.load(campaign.id)
    campaign.cancel(by=ALICE, at=NOON)
    await studio.store.save(campaign, studio.asks())
    late.launch(by=ALICE, at=NOON)
    return studio.command(late)


async def test_twins_by_stream_or_key_go_in_two_groups(alice: Studio) -> None:
    campaign = await alice.drafted()
    one, other = await alice.load(campaign.id), await alice.load(campaign.id)
    one.launch(by=ALICE, at=NOON)
    other.cancel(by=ALICE, at=NOON)
    keyed = [alice.draft(), alice.draft()]
    commands = [alice.command(each) for each in (one, other)]
    commands += [alice.command(each, key=KEY) for each in keyed]

    outcomes = await in_one_group(alice, commands)

    assert [each.outcome for each in outcomes] == [STORED, CONFLICT, STORED, REPLAY]
    assert groups(alice) == [1, 1, 2]


async def test_a_bad_command_falls_alone(alice: Studio) -> None:
    campaigns = [alice.draft() for _ in range(9)]
    commands = [alice.command(campaign) for campaign in campaigns]
    bad = alice.draft()
    commands.insert(4, alice.command(bad, correlation="a NUL \0, which no text may hold"))

    outcomes = await in_one_group(alice, commands)

    assert isinstance(outcomes[4], psycopg.DataError)
    del outcomes[4]
    assert [one.outcome for one in outcomes] == [STORED] * 9
    assert {stream for stream, _ in alice.place.versions(alice.caller)} >= {campaign.id for campaign in campaigns}
    assert bad.id not in {stream for stream, _ in alice.place.versions(alice.caller)}


async def test_a_refused_command_alone_says_why(alice: Studio) -> None:
    """A key longer than an index may hold comes as an operational error, and is not taken for a lost connection."""
    key = Idempotency(secrets.token_urlsafe(5_000), b"f" * 32)

    with pytest.raises(psycopg.OperationalError, match="index row"):
        await alice.appender.append(alice.command(alice.draft(), key=key))

    assert alice.place.versions(alice.caller) == []


async def test_a_full_queue_refuses_and_what_waited_is_appended(opens: Opens) -> None:
    alice = await opens(most_waiting=5)

    with nobody_appends(alice.place):
        waiting = [asyncio.create_task(alice.appender.append(alice.command(alice.draft())))]
        await asyncio.sleep(0.05)
        waiting += [asyncio.create_task(alice.appender.append(alice.command(alice.draft()))) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await alice.appender.append(alice.command(alice.draft()))
    outcomes = await asyncio.gather(*waiting)

    assert [one.outcome for one in outcomes] == [STORED] * 6
    assert len(alice.place.versions(alice.caller)) == 6


async def test_a_group_is_bounded_in_events_and_bytes(opens: Opens) -> None:
    by_events = await opens(most_events=3)
    await in_one_group(by_events, [by_events.command(by_events.draft()) for _ in range(7)])
    by_bytes = await opens(most_bytes=60_000)
    long = [by_bytes.draft(description="x" * 9_000) for _ in range(10)]
    await in_one_group(by_bytes, [by_bytes.command(campaign) for campaign in long])

    assert groups(by_events) == [1, 3, 3, 1]
    assert groups(by_bytes) == [1, 5, 5]


async def test_twenty_megabytes_are_one_append(alice: Studio) -> None:
    campaign = alice.draft()
    campaign.launch(by=ALICE, at=NOON)
    campaign.complete({"notes": "x" * 20_000_000}, by=ALICE, at=NOON)

    recorded = await alice.store.save(campaign, alice.asks())

    assert groups(alice) == [3]
    ((size,),) = alice.place.rows(
        "select octet_length(state) from ballyhoo.events where position = %s", recorded.position.events
    )
    assert size > 20_000_000
    assert (await alice.load(campaign.id)).state().final == {"notes": "x" * 20_000_000}


async def test_a_caller_who_gives_up_loses_nothing_of_the_others(alice: Studio) -> None:
    with nobody_appends(alice.place):
        first = asyncio.create_task(alice.appender.append(alice.command(alice.draft())))
        await asyncio.sleep(0.05)
        given_up = alice.draft()
        waiting = [asyncio.create_task(alice.appender.append(alice.command(one))) for one in (given_up, alice.draft())]
        await asyncio.sleep(0.01)
        waiting[0].cancel()
    outcomes = await asyncio.gather(first, waiting[1])

    assert [one.outcome for one in outcomes] == [STORED, STORED]
    assert given_up.id not in {stream for stream, _ in alice.place.versions(alice.caller)}


async def test_a_lost_race_names_the_version_that_stands_and_a_taken_id_is_refused(alice: Studio) -> None:
    campaign = await alice.drafted()
    other = await alice.load(campaign.id)
    campaign.launch(by=ALICE, at=NOON)
    await alice.store.save(campaign, alice.asks())
    other.cancel(by=ALICE, at=NOON)

    with pytest.raises(StaleVersion) as lost:
        await alice.store.save(other, alice.asks())
    twin = alice.draft(id=campaign.id)
    with pytest.raises(AlreadyExists):
        await alice.store.save(twin, alice.asks())

    assert lost.value.stands == 2
    assert [version for _, version in alice.place.versions(alice.caller)] == [1, 2]


async def test_one_id_may_stand_in_two_workspaces(alice: Studio, opens: Opens) -> None:
    bob = await opens()
    campaign = alice.draft()
    twin = bob.draft(id=campaign.id, name="Bob's")

    await alice.store.save(campaign, alice.asks())
    await bob.store.save(twin, bob.asks())

    assert (await alice.load(campaign.id)).settings.name == "Autumn e-mail"
    assert (await bob.load(campaign.id)).settings.name == "Bob's"


async def test_nothing_decided_is_nothing_saved(alice: Studio) -> None:
    campaign = await alice.drafted()

    with pytest.raises(ValueError, match="nothing was decided"):
        await alice.store.save(campaign, alice.asks())
