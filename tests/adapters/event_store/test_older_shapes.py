"""An event of an older shape lies in the log: it loads, its history is told, and a snapshot is made of it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.event_store.codec import Codec, UnknownTopic
from adapters.event_store.snapshots import EVERY
from domain.campaign.campaign import Campaign
from domain.campaign.events import CampaignLaunched
from domain.campaign.readiness import Readiness
from domain.campaign.words import Status
from domain.catalogue import EVENTS
from domain.shared.errors import NotFound
from domain.workspace.workspace import Workspace
from tests.examples.campaigns import ALICE, NOON, after_noon
from tests.samples.shapes import recorded
from tests.support.event_store import Studio

pytestmark = pytest.mark.req("EVT-9")

_PUT = """
with head as (update ballyhoo.log_heads set position = position + 1, recorded_at = greatest(clock_timestamp(),
    recorded_at + interval '1 us') where log = 'events' returning position, recorded_at),
  s as (insert into ballyhoo.streams(workspace, id, kind, version) values (%(workspace)s, %(id)s, %(kind)s, 1)
    on conflict (workspace, id) do update set version = ballyhoo.streams.version + 1 returning stream, version)
insert into ballyhoo.events(position, recorded_at, occurred_at, event_id, workspace, stream, version, part, topic,
    actor, correlation, state)
  select position, head.recorded_at, head.recorded_at, gen_random_uuid(), %(workspace)s, stream, version, 0, %(topic)s,
    'alice', 'put by hand', %(state)s from head, s
"""


def put(studio: Studio, id: UUID, topic: str, content: Any, kind: str = "campaign") -> None:
    """Put an event into the log as an older release would have written it."""
    state = content if isinstance(content, bytes) else json.dumps(content).encode()
    row = {"workspace": studio.caller.workspace, "id": id, "kind": kind, "topic": topic, "state": state}
    with psycopg.connect(studio.place.url, autocommit=True) as connection:
        connection.execute(_PUT, row)


async def test_short_samples_load_through_get_history_and_snapshot(alice: Studio) -> None:
    short = {topic: sample["short"]["written"] for (topic, _), sample in recorded().items()}
    id = uuid4()
    put(alice, id, "campaign.drafted", short["campaign.drafted"])
    put(alice, id, "campaign.launched", short["campaign.launched"])
    for number in range(EVERY - 3):
        put(alice, id, "campaign.paused" if number % 2 else "campaign.resumed", short["campaign.paused"])

    campaign = await alice.load(id)
    entries = await alice.store.history(Campaign, alice.caller.workspace, id)
    assert (campaign.version, len(entries)) == (EVERY - 1, EVERY - 1)
    assert (campaign.settings.platforms, campaign.settings.currency) == ((), "USD")
    assert campaign.state().readiness == Readiness(())
    launched: Any = entries[1].event
    assert type(launched) is CampaignLaunched
    assert (launched.originator_id, launched.originator_version, launched.timestamp) == (id, 2, entries[1].recorded_at)
    assert (launched.report, launched.due_at) == (Readiness(()), None)

    campaign.change({"tags": ["new"]}, by=ALICE, at=NOON)
    await alice.store.save(campaign, alice.asks())
    await alice.store.close()
    assert alice.place.rows("select max(version) from ballyhoo.snapshots") == [(EVERY,)]
    loaded = await alice.load(id)
    assert loaded.state() == campaign.state()
    assert (loaded.version, loaded.status) == (EVERY, Status.ACTIVE)


async def test_every_sample_loads_from_the_log(alice: Studio) -> None:
    samples = recorded()
    first = samples["campaign.drafted", 1]["whole"]["written"]
    for (topic, _), sample in samples.items():
        if topic.startswith("campaign."):
            for form in ("whole", "short"):
                id = uuid4()
                if topic != "campaign.drafted":
                    put(alice, id, "campaign.drafted", first)
                put(alice, id, topic, sample[form]["written"])
                assert (await alice.load(id)).version == 1 + (topic != "campaign.drafted")


@pytest.fixture
def counted_up(monkeypatch: pytest.MonkeyPatch, alice: Studio) -> None:
    """The class of launches as a release might have it that renamed its words."""
    monkeypatch.setattr(CampaignLaunched, "class_version", 3, raising=False)

    def first(state: dict[str, Any]) -> None:
        state["timetable"] = state.pop("plan")

    def second(state: dict[str, Any]) -> None:
        state["schedule"] = state.pop("timetable")

    monkeypatch.setattr(CampaignLaunched, "upcast_v1_v2", staticmethod(first), raising=False)
    monkeypatch.setattr(CampaignLaunched, "upcast_v2_v3", staticmethod(second), raising=False)
    monkeypatch.setattr(alice.store, "_codec", Codec(EVENTS))


@pytest.mark.usefixtures("counted_up")
async def test_an_event_of_an_older_version_is_lifted_step_by_step(alice: Studio) -> None:
    plan = {"starts_at": None, "ends_at": after_noon(days=1).isoformat(), "time_zone": "Asia/Kathmandu"}
    ids = [uuid4() for _ in range(3)]
    shapes: list[dict[str, Any]] = [
        {"plan": plan},
        {"timetable": plan, "class_version": 2},
        {"schedule": plan, "class_version": 3},
    ]
    for id, shape in zip(ids, shapes, strict=True):
        put(alice, id, "campaign.drafted", recorded()["campaign.drafted", 1]["whole"]["written"])
        put(alice, id, "campaign.launched", {"by": "alice", "report": {"problems": []}, **shape})

    loaded = [await alice.load(id) for id in ids]

    assert {(one.status, one.settings.schedule.time_zone, one.due_work()["complete"]) for one in loaded} == {
        (Status.ACTIVE, "Asia/Kathmandu", after_noon(days=1))
    }
    entry = (await alice.store.history(Campaign, alice.caller.workspace, ids[0]))[1]
    assert json.loads(Codec(EVENTS).encode(entry.event))["class_version"] == 3


async def test_an_event_of_a_newer_release_is_not_guessed_at(alice: Studio) -> None:
    campaign = await alice.drafted()
    put(alice, campaign.id, "campaign.teleported", {"by": "alice"})

    with pytest.raises(UnknownTopic):
        await alice.load(campaign.id)
    with pytest.raises(UnknownTopic):
        await alice.store.history(Campaign, alice.caller.workspace, campaign.id)
    assert (await alice.load(campaign.id, version=1)).version == 1


async def test_a_stream_of_another_kind_is_not_found(alice: Studio) -> None:
    campaign = await alice.drafted()

    with pytest.raises(NotFound):
        await alice.store.get(Workspace, alice.caller.workspace, campaign.id)
    with pytest.raises(NotFound):
        await alice.store.get(Campaign, alice.caller.workspace + 1, campaign.id)
    for moment in ({"version": 2}, {"version": 0}, {"position": 0}):
        with pytest.raises(NotFound, match="at that moment"):
            await alice.load(campaign.id, **moment)


async def test_history_tells_who_why_and_when(alice: Studio) -> None:
    campaign = alice.draft()
    cause = uuid4()
    await alice.store.save(campaign, alice.asks(causation=cause, correlation="because"))
    campaign.launch(by=ALICE, at=NOON)
    recorded_at = (await alice.store.save(campaign, alice.asks())).recorded_at

    first, second = await alice.store.history(Campaign, alice.caller.workspace, campaign.id)

    assert (first.actor, first.correlation, first.causation) == ("key:alice", "because", cause)
    assert (second.correlation, second.causation, second.recorded_at) == ("a-request", None, recorded_at)
    assert second.event.timestamp == recorded_at
    assert alice.place.rows(
        "select count(*) from ballyhoo.events where occurred_at = %s and event_id = any(%s)",
        NOON, [first.event_id, second.event_id],
    ) == [(2,)]  # fmt: skip
