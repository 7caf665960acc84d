"""I3, of what was published: each record of a topic links to one before it, but for those that the harness took out."""

from __future__ import annotations

from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition

from adapters.event_store.outbox import LOGS
from adapters.kafka import codec
from adapters.kafka.settings import KafkaSettings
from tests.faults.checks.seen import Broken, Seen


class Gap(NamedTuple):
    """What is missing in a partition: positions (after, before]."""

    log: str
    part: int
    after: int
    before: int


def records_link(seen: Seen) -> list[Broken]:
    """I3. The first record of a topic may begin anywhere: what came before it went with another topic."""
    if seen.house.broker is None:
        return []
    lost = seen.house.folder / "lost"
    ours = {_gap(*line.split()) for line in (lost.read_text().splitlines() if lost.exists() else [])}
    settings = KafkaSettings(seen.house.broker.bootstrap)
    broken = []
    for log in LOGS:
        records, gaps = _gaps(settings, log)
        seen.journal.count(f"records in the topic {log}", records)
        seen.journal.count(f"records of {log} taken out", sum(gap.log == log for gap in ours))
        if others := sorted(gap for gap in gaps if not explained(gap, ours)):
            near = sorted(gap for gap in ours if (gap.log, gap.part) == (log, others[0].part))
            broken.append(
                Broken("I3", f"{len(others)} gaps between records of {log}, such as {others[0]}; taken out: {near}")
            )
    return broken


def explained(gap: Gap, taken_out: set[Gap]) -> bool:
    """Whether all of a gap was taken out: one record, or several that followed each other."""
    reached = gap.after
    for other in sorted(taken_out):
        if (other.log, other.part) == (gap.log, gap.part) and other.after <= reached < other.before:
            reached = other.before
    return reached >= gap.before


def _gap(log: str, part: str, after: str, before: str) -> Gap:
    return Gap(log, int(part), int(after), int(before))


def _gaps(settings: KafkaSettings, log: str) -> tuple[int, set[Gap]]:
    consumer = KafkaConsumer(**settings.connection(), group_id=None, enable_auto_commit=False)
    try:
        topic = settings.topic(log)
        parts = [TopicPartition(topic, part) for part in consumer.partitions_for_topic(topic)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        known: dict[int, int] = {}
        gaps: set[Gap] = set()
        records = 0
        while any(consumer.position(part) < ends[part] for part in parts):
            for part, some in consumer.poll(timeout_ms=500).items():
                records += len(some)
                for record in some:
                    link = codec.link(record.headers)
                    before = known.setdefault(part.partition, link.prev)
                    if link.prev > before:
                        gaps.add(Gap(log, part.partition, before, link.prev))
                    known[part.partition] = max(before, link.last)
        return records, gaps
    finally:
        consumer.close(autocommit=False)
