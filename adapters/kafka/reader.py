"""What a projector reads from Kafka: the relay's records link by link, and the order to read the store where
a link is missing.

Everything strange (a gap, another cluster or topic, a lost offset, no offset yet) ends the same way: the
offsets at the topic's end are noted, then the head of the store's log is; the store is read up to that head;
then Kafka is read on from those offsets. Every record before them was published from what the store held by
then, so nothing is skipped, and the links would show it if it were.

Nothing is forgotten before its high is in the tables: each ``take`` begins at the highs that it is given, so
a batch that was not committed is simply taken again. A broker that was away is read on from where the tables are.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from adapters.kafka import codec
from adapters.kafka.consumer import BrokerAway, Consumer, OffsetLost
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import Identity, TopicUnfit

PATIENCE_SECONDS = 1.0
"""How long a gap may wait for the relay to repeat what is missing."""

_AGAIN_SECONDS = 1.0
_SAY_SECONDS = 5.0
_POLL_RECORDS = 500
_BUFFER_BYTES = 64 << 20

log = structlog.get_logger("projector")


class Checkpoint(NamedTuple):
    """From where a partition is read: an offset of that topic, None where none is known."""

    offset: int | None = None
    identity: Identity | None = None


class Record(NamedTuple):
    """A record that came: its link, the offset after it, and its value where it has one."""

    link: codec.Link
    after: int
    value: bytes | None


@dataclass(frozen=True)
class Taken:
    """Records that hold a partition's positions (low, high]; ``offset`` is the one to read on from."""

    part: int
    low: int
    high: int
    offset: int
    records: tuple[Record, ...]

    def values(self) -> Iterator[tuple[int, bytes]]:
        """Each value with the position above which it counts: what lies below was in the record before it."""
        high = self.low
        for record in self.records:
            if record.value is not None:
                yield high, record.value
            high = record.link.last


@dataclass
class ReadStore:
    """The order to read the store for these partitions up to ``upto``, then Kafka from ``offsets``."""

    offsets: dict[int, int]
    upto: int | None = None


@dataclass
class Status:
    """How the reading stands: ``trouble`` in one sentence or None; what was detected, and how often."""

    trouble: str | None = None
    last_detection: str | None = None
    detections: dict[str, int] = field(default_factory=dict)
    heard_at: float | None = None


class Reader:
    """Reads some partitions of one log. ``begin`` first; then ``wait`` and ``take`` by turns.

    ``wait`` speaks to the broker and may last; ``take`` answers at once, inside the transaction of a batch.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        log: str,
        *,
        partitions: int,
        patience: float = PATIENCE_SECONDS,
        open_consumer: Callable[..., Consumer] = Consumer,
    ) -> None:
        self.status = Status()
        self._settings = settings
        self._log = log
        self._partitions = partitions
        self._patience = patience
        self._open_consumer = open_consumer
        self._epoch = UUID(int=0)
        self._checkpoints: dict[int, Checkpoint] = {}
        self._buffers: dict[int, deque[Record]] = {}
        self._buffered = 0
        self._gaps: dict[int, float] = {}
        self._order: ReadStore | None = None
        self._consumer: Consumer | None = None
        self._try_at = 0.0
        self._fresh = False
        self._said_at: dict[str, float] = {}

    def begin(self, epoch: UUID, checkpoints: Mapping[int, Checkpoint]) -> None:
        """Read these partitions from their checkpoints, which are of this epoch of the store."""
        self._epoch = epoch
        self._checkpoints = dict(checkpoints)
        self.close()
        self._try_at = 0.0

    def close(self) -> None:
        """Let the broker go, and forget what came from it."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
        self._buffers = {part: deque() for part in self._checkpoints}
        self._buffered = 0
        self._gaps = {}
        self._order = None
        self._fresh = False

    def identity(self) -> Identity | None:
        """Which topic is read, while one is."""
        return self._consumer.identity if self._consumer is not None else None

    def wait(self, seconds: float) -> bool:
        """Whether ``take`` has something to say; where not, waits so long for it, somewhat longer while the
        broker is away."""
        try:
            consumer = self._consumer or self._connect()
            if consumer is None:
                time.sleep(seconds)
                return False
            if self._order is None:
                self._listen(consumer, 0.0 if self._fresh else seconds)
                self._suspect(consumer)
        except BrokerAway as error:
            self._away(str(error))
        return self._fresh

    def take(self, highs: Mapping[int, int], most: int, head: Callable[[], int]) -> list[Taken] | ReadStore:
        """What links to these highs, about ``most`` events or facts of it, or the order to read the store.

        ``head`` asks the store for the last position of the log.
        """
        if self._order is not None:
            if self._order.upto is None:
                self._order.upto = head()
            if any(part not in highs or highs[part] < self._order.upto for part in self._order.offsets):
                return self._order
            self._obeyed(self._order)
        linked = (self._linked(part, high, most) for part, high in highs.items())
        taken = [found for found in linked if found is not None]
        self._fresh = bool(taken) or len(highs) < len(self._buffers)
        return taken

    def _connect(self) -> Consumer | None:
        if time.monotonic() < self._try_at:
            return None
        try:
            consumer = self._open_consumer(self._settings, self._log, self._checkpoints, partitions=self._partitions)
        except TopicUnfit as error:
            raise BrokerAway(str(error)) from error
        self._consumer = consumer
        self.status.trouble = None
        known = {
            part: checkpoint.offset
            for part, checkpoint in self._checkpoints.items()
            if checkpoint.offset is not None and checkpoint.identity == consumer.identity
        }
        consumer.seek(known)
        unknown = self._checkpoints.keys() - known.keys()
        if any(self._checkpoints[part].identity not in {None, consumer.identity} for part in unknown):
            self._tell("topic_exchanged", f"the offsets are not of {consumer.identity}")
        if unknown:
            self._catch_up(consumer, unknown)
        return consumer

    def _away(self, reason: str) -> None:
        if self.status.trouble is None:
            log.warning("kafka_unreachable", log=self._log, reason=reason)
        self.close()
        self.status.trouble = reason
        self._try_at = time.monotonic() + _AGAIN_SECONDS

    def _listen(self, consumer: Consumer, seconds: float) -> None:
        """Take in what came. What the first poll finds was fetched before the last batch was folded; the second one
        brings what came meanwhile."""
        for _ in range(2):
            if self._buffered > _BUFFER_BYTES:
                return
            try:
                polled = consumer.poll(seconds, _POLL_RECORDS)
            except OffsetLost as error:
                self._renew("offset_lost", str(error))
                return
            self._keep(polled)
            if not polled:
                return

    def _keep(self, polled: Mapping[int, list[Any]]) -> None:
        """Buffer records; those of another epoch or of strangers are told and left out.

        One of another epoch is reason to look at the tables: only the database says whether that has begun.
        """
        for part, records in polled.items():
            self.status.heard_at = time.time()
            for record in records:
                try:
                    link = codec.link(record.headers)
                except codec.NotOurs as error:
                    self._tell("stranger", f"in partition {part}: {error}")
                    continue
                if link.epoch != self._epoch:
                    self._tell("foreign_epoch", f"in partition {part}: {link.epoch}")
                    self._fresh = True
                    continue
                self._buffers[part].append(Record(link, record.offset + 1, record.value))
                self._buffered += len(record.value or b"")
                self._fresh = True

    def _suspect(self, consumer: Consumer) -> None:
        """Look whether the topic is still the same one, and whether a gap has waited long enough."""
        if (now := consumer.exchanged()) is not None:
            self._renew("topic_exchanged", f"it was {consumer.identity} and is {now}")
            return
        patient_since = time.monotonic() - self._patience
        if any(since < patient_since for since in self._gaps.values()):
            self._tell("gap", f"in partitions {sorted(self._gaps)}")
            self._catch_up(consumer, self._gaps)

    def _renew(self, kind: str, reason: str) -> None:
        """Come back with a new consumer that trusts no offset."""
        self._tell(kind, reason)
        self._checkpoints = dict.fromkeys(self._checkpoints, Checkpoint())
        self.close()

    def _catch_up(self, consumer: Consumer, parts: Iterable[int]) -> None:
        self._order = ReadStore(consumer.ends(list(parts)))
        self._fresh = True

    def _obeyed(self, order: ReadStore) -> None:
        for part, offset in order.offsets.items():
            self._forget(part, len(self._buffers[part]), offset)
            self._gaps.pop(part, None)
        if self._consumer is not None:
            self._consumer.seek(order.offsets)
        self._order = None

    def _linked(self, part: int, high: int, most: int) -> Taken | None:
        """The records of a partition that follow from ``high``."""
        buffer = self._buffers[part]
        seen = 0
        while seen < len(buffer) and max(buffer[seen].link.last, buffer[seen].link.prev) <= high:
            seen += 1
        if seen:
            self._forget(part, seen, buffer[seen - 1].after)
        low, follow, gap = high, [], False
        enough = max(most // len(self._buffers), 1)
        for record in buffer:
            if record.link.prev > high:
                gap = True
            elif record.link.last > high:
                high = record.link.last
                follow.append(record)
                enough -= record.link.held
                if enough <= 0:
                    break
        if not gap or follow:
            self._gaps.pop(part, None)
        else:
            self._gaps.setdefault(part, time.monotonic())
        if not follow:
            return None
        return Taken(part, low, high, follow[-1].after, tuple(follow))

    def _forget(self, part: int, count: int, after: int) -> None:
        """Drop records that the tables have; a broker that was away is read on from the offset after them."""
        self._checkpoints[part] = Checkpoint(after, self.identity())
        for _ in range(count):
            self._buffered -= len(self._buffers[part].popleft().value or b"")

    def _tell(self, kind: str, reason: str) -> None:
        self.status.detections[kind] = self.status.detections.get(kind, 0) + 1
        self.status.last_detection = f"{kind}: {reason}"
        if time.monotonic() - self._said_at.get(kind, float("-inf")) > _SAY_SECONDS:
            self._said_at[kind] = time.monotonic()
            log.warning("kafka_" + kind, log=self._log, reason=reason)
