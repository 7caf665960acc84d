"""Links, without a broker: whatever is repeated, regrouped, lost or exchanged, each position is applied once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kafka import codec
from adapters.kafka.consumer import BrokerAway, Consumer, OffsetLost
from adapters.kafka.reader import Checkpoint, Reader, ReadStore, Taken
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import Identity

EPOCH, FOREIGN = UUID(int=1), UUID(int=2)
PARTS = 3


@pytest.fixture(autouse=True, scope="module")
def _tried_again_at_once() -> Iterator[None]:
    """A broker that was away is not waited for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adapters.kafka.reader._AGAIN_SECONDS", 0.0)
        yield


class Sent(NamedTuple):
    """A record as the client hands it on."""

    headers: list[tuple[str, bytes]]
    offset: int
    value: bytes | None


@dataclass
class World:
    """A log, a topic that a relay fills from it, and tables that a reader fills from the topic."""

    log: list[int] = field(default_factory=list)
    topic: list[list[Sent]] = field(default_factory=lambda: [[] for _ in range(PARTS)])
    number: int = 1
    position: int = 0
    lasts: list[int] = field(default_factory=lambda: [0] * PARTS)
    highs: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PARTS), 0))
    checkpoints: dict[int, Checkpoint] = field(
        default_factory=lambda: dict.fromkeys(range(PARTS), Checkpoint(0, Identity("cluster", "1")))
    )
    applied: Counter[int] = field(default_factory=Counter)
    away: bool = False
    polled: Counter[int] = field(default_factory=Counter)

    @property
    def identity(self) -> Identity:
        """Which topic it is by now."""
        return Identity("cluster", str(self.number))

    def append(self, parts: list[int]) -> None:
        """Record something for each of these partitions."""
        self.log.extend(parts)

    def publish(self, group: int, *, lose: bool = False, repeat: int = 0, move: bool = True) -> None:
        """Send what was not sent yet, and ``repeat`` positions before it, in groups; one of them may be lost."""
        lasts = [min(last, self.position - repeat) for last in self.lasts] if repeat else list(self.lasts)
        start = max(self.position - repeat, 0)
        for part in range(PARTS):
            waiting = [at for at in range(start + 1, len(self.log) + 1) if self.log[at - 1] == part]
            for first in range(0, len(waiting), group):
                held = waiting[first : first + group]
                prev, lasts[part] = max(lasts[part], 0), held[-1]
                if not (lose and first == 0):
                    self.send(part, EPOCH, codec.Publication(part, prev, held[-1], None, json.dumps(held).encode()))
        if move:
            self.position, self.lasts = len(self.log), [max(last, 0) for last in lasts]

    def send(self, part: int, epoch: UUID, publication: codec.Publication) -> None:
        """Put a record at the end of a partition."""
        sent = Sent(codec.headers(epoch, publication), len(self.topic[part]), publication.value)
        self.topic[part].append(sent)

    def announce(self) -> None:
        """Heartbeats and announcements to every partition."""
        for part in range(PARTS):
            self.send(part, EPOCH, codec.Publication(part, self.lasts[part], self.position))
            self.send(part, EPOCH, codec.Publication(part, self.position, self.position))
            self.lasts[part] = self.position

    def exchange(self) -> None:
        """The topic is made anew, empty."""
        self.topic = [[] for _ in range(PARTS)]
        self.number += 1

    def take(self, reader: Reader, *, commit: bool = True) -> bool:
        """One batch; whether there was one. One that is not committed is as if it had not been."""
        found = reader.take(self.highs, 5, lambda: len(self.log)) if reader.wait(0) else []
        if commit and isinstance(found, ReadStore):
            for part in found.offsets:
                self.read_store(part, found.upto or 0)
        elif commit and isinstance(found, list):
            self.apply(found, reader.identity())
        return bool(found)

    def read_store(self, part: int, upto: int) -> None:
        """What a partition lacks, from the log itself."""
        for at in range(self.highs[part] + 1, upto + 1):
            if self.log[at - 1] == part:
                self.applied[at] += 1
        self.highs[part] = max(self.highs[part], upto)

    def apply(self, batch: list[Taken], identity: Identity | None) -> None:
        """A batch, its highs and its offsets."""
        for taken in batch:
            assert taken.low == self.highs[taken.part]
            for low, value in taken.values():
                self.applied.update(at for at in json.loads(value) if at > low)
            self.highs[taken.part] = taken.high
            self.checkpoints[taken.part] = Checkpoint(taken.offset, identity)

    def reader(self) -> Reader:
        """A reader that begins at the checkpoints."""
        reader = Reader(
            KafkaSettings("nowhere:1"), "events", partitions=PARTS, patience=-1.0, open_consumer=self.consumer
        )
        reader.begin(EPOCH, self.checkpoints)
        return reader

    def consumer(self, _: KafkaSettings, log: str, parts: Collection[int], *, partitions: int) -> Consumer:
        """A consumer of this world's topic."""
        return FakeConsumer(self)


class FakeConsumer(Consumer):
    """Reads the topic as the client would, also an exchanged one from an old offset."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.identity = world.identity
        self._at: dict[int, int] = {}

    def close(self) -> None:
        self._at = {}

    def seek(self, offsets: Mapping[int, int]) -> None:
        self._at.update(offsets)

    def ends(self, parts: Collection[int]) -> dict[int, int]:
        return {part: len(self._world.topic[part]) for part in parts}

    def exchanged(self) -> Identity | None:
        return self._world.identity if self._world.identity != self.identity else None

    def poll(self, seconds: float, most: int) -> dict[int, list[Any]]:
        if self._world.away:
            self._world.away = False
            raise BrokerAway("for a moment")
        if any(at > len(self._world.topic[part]) for part, at in self._at.items()):
            raise OffsetLost("beyond the end")
        polled: dict[int, list[Any]] = {p: list(self._world.topic[p][at : at + 4]) for p, at in self._at.items()}
        for part, records in polled.items():
            self._at[part] += len(records)
            self._world.polled[part] += len(records)
        return {part: records for part, records in polled.items() if records}


groups = st.integers(1, 4)
steps = st.one_of(
    st.tuples(st.just("append"), st.lists(st.integers(0, PARTS - 1), min_size=1, max_size=6)),
    st.tuples(st.just("publish"), groups),
    st.tuples(st.just("lose"), groups),
    st.tuples(st.just("repeat"), st.integers(1, 12)),
    st.tuples(st.just("fail"), groups),
    st.tuples(st.just("crash"), groups),
    st.tuples(st.just("foreign"), st.integers(0, PARTS - 1)),
    st.tuples(st.just("exchange"), st.none()),
    st.tuples(st.just("away"), st.none()),
    st.tuples(st.just("take"), st.booleans()),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("off"), st.none()),
)


def done(world: World, reader: Reader, step: str, argument: Any) -> Reader:
    """The reader after one more step of the world."""
    match step:
        case "append":
            world.append(argument)
        case "publish":
            world.publish(argument)
        case "lose":
            world.publish(argument, lose=True)
        case "repeat":
            world.publish(3, repeat=argument)
        case "fail":
            world.publish(argument, lose=True, move=False)
        case "crash":
            world.publish(argument, move=False)
        case "foreign":
            strange = codec.Publication(argument, 0, 1_000, None, b"[1, 2, 3]")
            world.send(argument, FOREIGN, strange)
            world.topic[argument].append(Sent([], len(world.topic[argument]), b"?"))
        case "exchange":
            world.exchange()
        case "away":
            world.away = True
        case "take":
            world.take(reader, commit=argument)
        case "restart":
            return world.reader()
        case "off":
            for part in range(PARTS):
                world.read_store(part, len(world.log))
    return reader


@pytest.mark.req("EVT-3")
@settings(max_examples=300)
@given(st.lists(steps, max_size=40))
def test_each_position_is_applied_once_whatever_happens(story: list[tuple[str, Any]]) -> None:
    world = World()
    reader = world.reader()

    for step, argument in story:
        reader = done(world, reader, step, argument)
    world.publish(2)
    world.announce()
    for _ in range(200):
        world.take(reader)

    assert set(world.highs.values()) == {len(world.log)}
    assert world.applied == Counter(range(1, len(world.log) + 1))


def test_a_partition_whose_lease_was_lost_is_left_alone_and_taken_up_again() -> None:
    world = World()
    reader = world.reader()
    world.append([0, 1, 2])
    world.publish(2)
    reader.wait(0)

    assert [taken.part for taken in reader.take({1: 0}, 5, lambda: 3)] == [1]  # type: ignore[union-attr]
    assert reader.wait(0)
    assert reader.take({}, 5, lambda: 3) == []
    world.take(reader)

    assert world.applied == Counter([1, 2, 3])


@pytest.mark.parametrize("from_store", [False, True])
def test_after_a_broker_was_away_it_is_read_on_from_where_the_tables_are(from_store: bool) -> None:
    world = World()
    if from_store:
        world.checkpoints = dict.fromkeys(range(PARTS), Checkpoint())
    reader = world.reader()
    for _ in range(20):
        world.append([0, 1, 2])
        world.publish(1)
    while world.take(reader):
        pass
    world.polled.clear()

    world.away = True
    world.append([0])
    world.publish(1)
    while not world.applied[len(world.log)]:
        world.take(reader)

    assert world.applied == Counter(range(1, 62))
    assert world.polled == Counter([0])


def test_of_a_record_that_overlaps_only_what_is_new_is_applied() -> None:
    world = World()
    reader = world.reader()
    world.append([0, 0])
    world.publish(2, move=False)
    world.take(reader)

    world.append([0])
    world.publish(3)
    world.take(reader)

    assert world.applied == Counter([1, 2, 3])
    assert reader.status.detections == {}


def test_a_record_of_another_epoch_is_reason_to_look_at_the_tables_and_no_more() -> None:
    world = World()
    reader = world.reader()
    world.announce()
    while world.take(reader):
        pass

    world.send(0, FOREIGN, codec.Publication(0, 0, 9, None, b"[9]"))

    assert reader.wait(0)
    assert reader.take(world.highs, 5, lambda: 0) == []
    assert not reader.wait(0)


@pytest.mark.req("EVT-3")
@pytest.mark.parametrize(
    ("kind", "happens"),
    [
        ("gap", lambda world: world.publish(2, lose=True)),
        ("topic_exchanged", lambda world: world.exchange()),
        ("foreign_epoch", lambda world: world.send(0, FOREIGN, codec.Publication(0, 0, 9))),
        ("stranger", lambda world: world.topic[0].append(Sent([("form", b"2")], len(world.topic[0]), b"?"))),
    ],
)
def test_each_strange_thing_is_told_by_its_name(kind: str, happens: Callable[[World], None]) -> None:
    world = World()
    world.append([0, 1, 2, 0])
    world.publish(10)
    reader = world.reader()
    while world.take(reader):
        pass
    world.append([0, 0, 0])

    happens(world)
    world.announce()
    for _ in range(10):
        world.take(reader)

    assert list(reader.status.detections) == [kind]
    assert str(reader.status.last_detection).startswith(kind)
