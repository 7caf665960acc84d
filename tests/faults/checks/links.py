"""I3, of what was published: each record of a topic links to one before it, but for those that the harness took out."""

from __future__ import annotations

from collections import Counter

from kafka import KafkaConsumer, TopicPartition

from adapters.event_store.outbox import LOGS
from adapters.kafka import codec
from adapters.kafka.settings import KafkaSettings
from tests.faults.checks.seen import Broken, Seen


def records_link(seen: Seen) -> list[Broken]:
    """I3. The first record of a topic may begin anywhere: what came before it went with another topic."""
    if seen.house.broker is None:
        return []
    lost = seen.house.folder / "lost"
    taken_out = Counter(line.split()[0] for line in lost.read_text().splitlines()) if lost.exists() else Counter()
    settings = KafkaSettings(seen.house.broker.bootstrap)
    broken = []
    for log in LOGS:
        records, gaps = _gaps(settings, log)
        seen.journal.count(f"records in the topic {log}", records)
        seen.journal.count(f"records of {log} taken out", taken_out[log])
        if gaps > taken_out[log]:
            broken.append(Broken("I3", f"{gaps} gaps between the links of {log}, {taken_out[log]} of them made by us"))
    return broken


def _gaps(settings: KafkaSettings, log: str) -> tuple[int, int]:
    consumer = KafkaConsumer(**settings.connection(), group_id=None, enable_auto_commit=False)
    try:
        topic = settings.topic(log)
        parts = [TopicPartition(topic, part) for part in consumer.partitions_for_topic(topic)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        known: dict[int, int] = {}
        records = gaps = 0
        while any(consumer.position(part) < ends[part] for part in parts):
            for part, some in consumer.poll(timeout_ms=500).items():
                records += len(some)
                for record in some:
                    link = codec.link(record.headers)
                    gaps += link.prev > known.get(part.partition, link.prev)
                    known[part.partition] = max(known.get(part.partition, 0), link.last)
        return records, gaps
    finally:
        consumer.close(autocommit=False)
