"""From the store through a real Kafka into the tables: exactly once, whatever is repeated or lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from structlog.testing import capture_logs

from adapters.event_store.outbox import LOGS, Outbox
from adapters.kafka import codec
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import Topics
from infra.kafka.broker import Broker
from tests.adapters.kafka.ledger import FACTS, STREAMS, Store, detected, projecting, relaying, until
from tests.plugins.broker import settings_for

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


@contextmanager
def load(store: Store) -> Iterator[None]:
    """Facts and events come in, again and again, each commit another size."""
    stop = threading.Event()
    feeding = Store(store.dsn)

    def feed() -> None:
        turn = 0
        while not stop.wait(0.01):
            turn += 1
            feeding.append_facts(1 + turn * 37 % 90, gaps=turn % 3)
            feeding.append_events(1 + turn % 7)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        feeding.close()


@pytest.mark.req("EVT-3")
def test_what_was_recorded_before_and_meanwhile_is_applied_once(store: Store, kafka: KafkaSettings) -> None:
    store.append_facts(3_000, gaps=7)
    store.append_events(40)

    with relaying(store, kafka), projecting(store, kafka):
        with load(store):
            time.sleep(1)
        until(store.caught_up)

    assert store.exact()


@pytest.mark.req("OPS-5")
def test_one_request_is_found_in_the_lines_of_relay_and_projector(store: Store, kafka: KafkaSettings) -> None:
    with capture_logs() as lines, relaying(store, kafka), projecting(store, kafka):
        until(lambda: any(line["event"] == "relay_active" for line in lines))
        store.append_events(1)
        until(store.caught_up)
        until(lambda: {"events_published", "folded"} <= {line["event"] for line in lines})

    told = {line["event"] for line in lines if "request-0" in line.get("correlations", ())}
    assert {"events_published", "folded"} <= told


@pytest.mark.req("EVT-3")
def test_everything_published_again_in_other_groups_changes_nothing(store: Store, kafka: KafkaSettings) -> None:
    with relaying(store, kafka, envelope_facts=1_000), projecting(store, kafka) as projector:
        until(store.caught_up)
        store.append_facts(2_000, gaps=3)
        store.append_events(300)
        until(store.caught_up)
    store.connection.execute("update ballyhoo.relay set position = 0, lasts = array_fill(0::bigint, array[16])")

    with relaying(store, kafka, envelope_facts=7), projecting(store, kafka) as projector:
        store.append_facts(100)
        until(store.caught_up)

        assert detected(projector) == {}

    assert store.exact()


class Forced(Outbox):
    """A way to the store on which every relay believes that it holds the lease."""

    def hold(self, owner: UUID, seconds: float) -> bool:
        return True


@pytest.mark.req("EVT-3")
def test_two_relays_forced_active_publish_the_same_positions_in_other_groups(
    store: Store, kafka: KafkaSettings
) -> None:
    store.append_facts(20_000, gaps=5)
    store.append_events(300)

    with (
        projecting(store, kafka),
        relaying(store, kafka, open_outbox=Forced, window_facts=900, envelope_facts=40) as one,
        relaying(store, kafka, open_outbox=Forced, window_facts=1_300, envelope_facts=1_000) as other,
    ):
        with load(store):
            time.sleep(2)
        until(store.caught_up)
        assert {one.status["role"], other.status["role"]} == {"active"}

    assert store.exact()


@pytest.mark.req("EVT-3")
def test_a_broker_that_comes_back_empty_is_noticed_and_nothing_is_lost(store: Store, fresh_broker: Broker) -> None:
    settings = settings_for(fresh_broker)
    with relaying(store, settings), projecting(store, settings) as projector:
        store.append_facts(500)
        until(store.caught_up)
        with load(store):
            time.sleep(0.5)
            fresh_broker.wipe()
            time.sleep(0.5)
            fresh_broker.start()
            until(lambda: detected(projector).get("topic_exchanged"))
        until(store.caught_up)

    assert store.exact()


@pytest.mark.req("EVT-3")
def test_a_topic_made_anew_with_the_same_name_is_noticed(store: Store, kafka: KafkaSettings) -> None:
    admin = KafkaAdminClient(**kafka.connection())
    with relaying(store, kafka), projecting(store, kafka) as projector:
        store.append_facts(500)
        until(store.caught_up)
        with load(store):
            time.sleep(0.3)
            admin.delete_topics([kafka.topic("engagement"), kafka.topic("events")])
            admin.close()
            until(lambda: detected(projector).get("topic_exchanged"))
        until(store.caught_up)

    assert store.exact()


@pytest.mark.req("EVT-3")
@pytest.mark.parametrize("which", ["the middle", "the end"])
def test_a_record_that_is_missing_is_noticed_and_read_from_the_store(
    store: Store, kafka: KafkaSettings, which: str
) -> None:
    with relaying(store, kafka, envelope_facts=10):
        store.append_facts(2_000)
        store.append_events(300)
        until(lambda: store.one("select min(position) from ballyhoo.relay") == 300)
    incomplete = replace(kafka, prefix=f"{kafka.prefix}copy-")
    copy_without_one(store, kafka, incomplete, last=which == "the end")

    with projecting(store, incomplete) as projector:
        if which == "the end":
            # Nothing else comes: the relay's announcement shows that the end is missing.
            with relaying(store, incomplete):
                until(store.caught_up)
        else:
            until(store.caught_up)
        assert detected(projector).get("gap", 0) >= 1

    assert store.exact()


def copy_without_one(store: Store, kafka: KafkaSettings, copy: KafkaSettings, *, last: bool) -> None:
    """Copy both topics without one record each, and set the checkpoints to the beginning of the copies."""
    topics = Topics(copy)
    topics.make(16)
    identities = topics.check(16)
    topics.close()
    producer = KafkaProducer(**copy.connection())
    for name in LOGS:
        records = everything(kafka, name)
        of_one_part = [record for record in records if record.partition == 5 and record.value]
        missing = of_one_part[-1 if last else len(of_one_part) // 2]
        for record in records:
            if last and record.partition == 5 and record.offset > missing.offset:
                continue
            if record is not missing:
                producer.send(
                    copy.topic(name),
                    record.value,
                    record.key,
                    headers=record.headers,
                    partition=record.partition,
                )
        store.begin_at_the_beginning(name, identities[name])
    producer.flush(10)
    producer.close()


def everything(kafka: KafkaSettings, log: str) -> list[Any]:
    """Every record of a log's topic."""
    consumer = KafkaConsumer(**kafka.connection(), group_id=None, auto_offset_reset="none")
    partitions = [TopicPartition(kafka.topic(log), part) for part in range(16)]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(partitions)
    records: list[Any] = []
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        for polled in consumer.poll(timeout_ms=200).values():
            records.extend(polled)
    consumer.close()
    return records


@pytest.mark.req("EVT-3")
def test_records_of_another_epoch_or_of_a_stranger_are_told_and_left_out(store: Store, kafka: KafkaSettings) -> None:
    with relaying(store, kafka), projecting(store, kafka) as projector:
        store.append_facts(300)
        store.append_events(20)
        until(store.caught_up)
        producer = KafkaProducer(**kafka.connection())
        for record in everything(kafka, "engagement")[-40:]:
            link = codec.link(record.headers)
            foreign = codec.headers(
                uuid4(), codec.Publication(record.partition, link.prev, link.last + 9_000, held=link.held)
            )
            producer.send(kafka.topic("engagement"), record.value, b"", foreign, record.partition)
            producer.send(kafka.topic("engagement"), b"what is this", partition=record.partition)
        producer.flush(10)
        producer.close()
        store.append_facts(300)
        store.append_events(20)
        until(store.caught_up)
        until(lambda: {"foreign_epoch", "stranger"} <= detected(projector).keys())

    assert store.exact()


@pytest.mark.req("EVT-3", "OPS-6")
def test_an_epoch_that_begins_under_load_is_gone_on_in_by_every_projector(store: Store, kafka: KafkaSettings) -> None:
    with relaying(store, kafka), projecting(store, kafka), projecting(store, kafka):
        until(lambda: store.one("select count(distinct owner) from ballyhoo.leases where name <> 'relay'") == 2)
        store.append_facts(300)
        store.append_events(20)
        until(store.caught_up)
        with load(store):
            time.sleep(0.3)
            epoch = store.one("select ballyhoo.current_epoch(true)")
            time.sleep(0.3)
        until(store.caught_up)
        # From Kafka again, not only from the store.
        read_on = "select bool_and(kafka_offset is not null) from {}.checkpoints"
        store.append_facts(300)
        store.append_events(300)
        until(store.caught_up)
        until(lambda: all(store.one(read_on.format(one.schema)) for one in (FACTS, STREAMS)))

    adopted = "select bool_and(epoch = %s) from {}.checkpoints"
    assert all(store.one(adopted.format(one.schema), epoch) for one in (FACTS, STREAMS))
    assert store.exact()


@pytest.mark.req("EVT-3")
def test_kafka_is_switched_off_and_on_again_twice_under_load(store: Store, kafka: KafkaSettings) -> None:
    with load(store):
        for _ in range(2):
            with relaying(store, kafka), projecting(store, kafka) as projector:
                time.sleep(0.7)
            with projecting(store, None):
                time.sleep(0.5)
        with relaying(store, kafka), projecting(store, kafka) as projector:
            time.sleep(0.5)
    with relaying(store, kafka), projecting(store, kafka) as projector:
        until(store.caught_up)
        assert detected(projector) == {}

    assert store.exact()


@pytest.mark.req("EVT-3")
def test_a_broker_killed_under_load_is_waited_for(store: Store, fresh_broker: Broker) -> None:
    settings = settings_for(fresh_broker)
    with relaying(store, settings) as relay, projecting(store, settings) as projector:
        store.append_facts(100)
        until(store.caught_up)
        with load(store):
            time.sleep(0.3)
            fresh_broker.kill()
            time.sleep(1)
            fresh_broker.start()
            until(lambda: relay.status["kafka"] == "ok", seconds=30)
        until(store.caught_up, seconds=30)
        sources = {work["source"] for work in projector.status()["projections"].values()}

    assert sources == {"kafka"}
    assert store.exact()


@pytest.mark.req("EVT-3")
def test_an_event_too_large_for_a_record_is_read_from_the_store(
    store: Store, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "RECORD_BYTES", 10_000)
    with relaying(store, kafka), projecting(store, kafka) as projector:
        store.append_events(20)
        until(store.caught_up)
        store.append_events(3, padding=20_000)
        store.append_events(20)
        until(store.caught_up)
        assert detected(projector) == {"gap": 1}

    assert store.exact()
