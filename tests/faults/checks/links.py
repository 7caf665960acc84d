"""I3, of what was published: each record of a topic links to one before it, but for those that the harness took out.

A relay that fails inside a window begins it again: a record may come before the one it links to, which is then
repeated. Projectors wait a moment for that; here a gap that is filled later is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition

from adapters.event_store.outbox import LOGS
from adapters.kafka import codec
from adapters.kafka.settings import KafkaSettings
from tests.faults.checks.seen import Broken, Seen


class Held(NamedTuple):
    """What a record holds, or what is missing: positions (after, upto] of its partition."""

    after: int
    upto: int


def records_link(seen: Seen) -> list[Broken]:
    """I3. The first record of a topic may begin anywhere: what came before it went with another topic."""
    if seen.house.broker is None:
        return []
    taken_out = _taken_out(seen)
    settings = KafkaSettings(seen.house.broker.bootstrap)
    broken = []
    for log in LOGS:
        topic = _records(settings, log)
        seen.journal.count(f"records in the topic {log}", sum(map(len, topic.values())))
        gone = sum(len(some) for (of, _), some in taken_out.items() if of == log)
        seen.journal.count(f"records of {log} taken out", gone)
        for part, records in topic.items():
            ours = taken_out.get((log, part), [])
            if gaps := missing(records, ours):
                found = f"{len(gaps)} gaps between records of {log} in partition {part}, such as {gaps[0]}"
                broken.append(Broken("I3", f"{found}; taken out were {ours[-5:]}"))
    return broken[:5]


def missing(records: Sequence[Held], taken_out: Sequence[Held]) -> list[Held]:
    """The gaps between the records of a partition that were neither taken out nor filled later on."""
    gaps = []
    known = records[0].after if records else 0
    for at, record in enumerate(records):
        if record.after > known:
            reached = _reached(known, [*taken_out, *records[at + 1 :]])
            if reached < record.after:
                gaps.append(Held(known, record.after))
        known = max(known, record.upto)
    return gaps


def _reached(position: int, held: Iterable[Held]) -> int:
    """How far one comes from a position over what is held."""
    for after, upto in sorted(held):
        if after <= position < upto:
            position = upto
    return position


def _taken_out(seen: Seen) -> dict[tuple[str, int], list[Held]]:
    file = seen.house.folder / "lost"
    found: dict[tuple[str, int], list[Held]] = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        log, part, after, upto = line.split()
        found.setdefault((log, int(part)), []).append(Held(int(after), int(upto)))
    return found


def _records(settings: KafkaSettings, log: str) -> dict[int, list[Held]]:
    """The links of every partition of a topic, in their order."""
    consumer = KafkaConsumer(**settings.connection(), group_id=None, enable_auto_commit=False)
    try:
        topic = settings.topic(log)
        parts = [TopicPartition(topic, part) for part in consumer.partitions_for_topic(topic)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        found: dict[int, list[Held]] = {part.partition: [] for part in parts}
        while any(consumer.position(part) < ends[part] for part in parts):
            for part, some in consumer.poll(timeout_ms=500).items():
                links = (codec.link(record.headers) for record in some)
                found[part.partition] += [Held(link.prev, link.last) for link in links]
        return found
    finally:
        consumer.close(autocommit=False)
