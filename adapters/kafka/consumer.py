"""kafka-python's consumer of some partitions of one topic, without groups: offsets live with the read models.

A dead broker shows as silence here, never as an error: lag is measured elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError

from adapters.kafka.opening import opened
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import Identity, Topics, identity

_END_SECONDS = 3.0


class BrokerAway(Exception):
    """No broker answers, or the topic is not there yet."""


class OffsetLost(Exception):
    """The log no longer holds the offset that was asked for: it was cut, or it is another log."""


class Consumer:
    """Reads ``parts`` of a log's topic. BrokerAway and TopicUnfit where it cannot be begun; it blocks for at
    most a few seconds then.

    kafka-python never says that a topic was exchanged for another of the same name; ``identity`` does.
    """

    def __init__(self, settings: KafkaSettings, log: str, parts: Collection[int], *, partitions: int) -> None:
        self._topic = settings.topic(log)
        try:
            topics = Topics(settings)
            try:
                found = topics.check(partitions)
            finally:
                topics.close()
            if log not in found:
                raise BrokerAway(f"the topic {self._topic} is not there yet")
            self.identity: Identity = found[log]
            self._consumer = opened(
                KafkaConsumer,
                **settings.connection(),
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                fetch_max_wait_ms=500,
                request_timeout_ms=5_000,
                max_partition_fetch_bytes=4 << 20,
            )
        except KafkaError as error:
            raise BrokerAway(f"{type(error).__name__}: {error}") from error
        self._partitions = {part: TopicPartition(self._topic, part) for part in parts}
        self._consumer.assign(list(self._partitions.values()))

    def close(self) -> None:
        """Hang up."""
        self._consumer.close(autocommit=False, timeout_ms=0)

    def seek(self, offsets: Mapping[int, int]) -> None:
        """Read each partition on from its offset."""
        for part, offset in offsets.items():
            self._consumer.seek(self._partitions[part], offset)

    def ends(self, parts: Collection[int]) -> dict[int, int]:
        """The offset after the last record of each partition. BrokerAway."""
        try:
            ends = self._consumer.end_offsets(
                [self._partitions[part] for part in parts], timeout_ms=int(_END_SECONDS * 1_000)
            )
        except KafkaError as error:
            raise BrokerAway(f"{type(error).__name__}: {error}") from error
        return {partition.partition: offset for partition, offset in ends.items()}

    def exchanged(self) -> Identity | None:
        """The topic's new identity, where it is no longer the one that was begun with."""
        now = identity(self._consumer, self._topic)
        return now if now is not None and now != self.identity else None

    def poll(self, seconds: float, most: int) -> dict[int, list[Any]]:
        """At most so many records, by partition; empty where none come in time. OffsetLost, BrokerAway."""
        try:
            polled = self._consumer.poll(timeout_ms=int(seconds * 1_000), max_records=most)
        except (OffsetOutOfRangeError, LogTruncationError) as error:
            raise OffsetLost(str(error)) from error
        except KafkaError as error:
            raise BrokerAway(f"{type(error).__name__}: {error}") from error
        return {partition.partition: records for partition, records in polled.items()}
