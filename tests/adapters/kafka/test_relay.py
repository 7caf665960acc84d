"""The relay: its topics, its positions, its lease."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from adapters.event_store.outbox import Outbox, Overtaken
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import Topics, TopicUnfit
from adapters.read_models.runner import Runner
from tests.adapters.kafka.ledger import Store, projecting, relaying, until

pytestmark = pytest.mark.postgres


@pytest.mark.kafka
def test_topics_are_made_with_the_databases_partitions_and_known_by_their_ids(
    store: Store, kafka: KafkaSettings
) -> None:
    with relaying(store, kafka):
        until(lambda: store.one("select count(topic_id) from ballyhoo.relay") == 2)

    topics = Topics(kafka)
    found = topics.check(16)
    topics.close()
    rows = store.connection.execute("select log, cluster_id, topic_id from ballyhoo.relay").fetchall()
    assert {log: tuple(identity) for log, *identity in rows} == found


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("partitions", "configs", "says"),
    [
        (4, {}, "4 partitions; the database says 16"),
        (16, {"cleanup.policy": "compact"}, "cleanup.policy compact"),
        (16, {"max.message.bytes": "1000000"}, "max.message.bytes 1000000"),
    ],
)
def test_a_topic_that_does_not_fit_is_named_and_nothing_is_published(
    store: Store, kafka: KafkaSettings, partitions: int, configs: dict[str, str], says: str
) -> None:
    configs = {"max.message.bytes": "16777216"} | configs
    admin = KafkaAdminClient(**kafka.connection())
    admin.create_topics(
        {kafka.topic("events"): {"num_partitions": partitions, "replication_factor": 1, "configs": configs}},
        wait_for_metadata=True,
    )
    admin.close()
    store.append_events(3)

    with relaying(store, kafka) as relay:
        until(lambda: says in str(relay.status["kafka"]))

    topics = Topics(kafka)
    with pytest.raises(TopicUnfit, match=says):
        topics.check(16)
    topics.close()
    assert store.one("select max(position) from ballyhoo.relay") == 0


@pytest.mark.kafka
def test_a_topic_whose_settings_cannot_be_read_is_named_and_waited_for(
    store: Store, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append_events(3)
    monkeypatch.setattr(KafkaAdminClient, "describe_configs", of_a_topic_that_is_gone)

    with relaying(store, kafka) as relay, projecting(store, kafka) as projector:
        until(lambda: "DescribeConfigs" in str(relay.status["kafka"]) and kafka.prefix in relay.status["kafka"])
        until(lambda: all("DescribeConfigs" in str(trouble) for trouble in troubles(projector)))
        monkeypatch.undo()
        until(store.caught_up)
        until(lambda: troubles(projector) == [None, None])

    assert store.exact()


_describe_configs = KafkaAdminClient.describe_configs


def of_a_topic_that_is_gone(admin: KafkaAdminClient, asked: list[ConfigResource], **options: Any) -> dict[str, Any]:
    """What the broker says of the settings of topics that it does not know by now."""
    gone = [ConfigResource(one.resource_type, f"{one.name}-gone") for one in asked]
    answer = _describe_configs(admin, gone, **options)
    return {"topic": {name.removesuffix("-gone"): configs for name, configs in answer["topic"].items()}}


def troubles(projector: Runner) -> list[str | None]:
    """What each projection says that its source lacks."""
    return [work.get("trouble") for work in projector.status()["projections"].values()]


@pytest.mark.kafka
def test_only_the_holder_of_the_lease_publishes_and_lets_go_when_it_ends(store: Store, kafka: KafkaSettings) -> None:
    with relaying(store, kafka) as first:
        until(lambda: first.status["role"] == "active")
        with relaying(store, kafka) as second:
            until(lambda: store.one("select count(*) from ballyhoo.processes where kind = 'relay'") == 2)
            assert second.status["role"] == "standby"

    with relaying(store, kafka, lease_seconds=3_600.0) as third:
        until(lambda: third.status["role"] == "active", seconds=3)


def test_a_position_moves_only_from_where_it_was_read(store: Store) -> None:
    with Outbox(store.dsn) as one, Outbox(store.dsn) as other:
        seen = one.take("events")
        taken_over = other.take("events")

        with pytest.raises(Overtaken):
            one.move(seen, position=9, lasts=[9] * 16, cluster_id=None, topic_id=None)
        moved = other.move(taken_over, position=7, lasts=range(16), cluster_id="c", topic_id="t")

        assert one.standing("events") == moved


def test_a_lease_is_taken_when_it_ran_out_by_the_databases_clock(store: Store) -> None:
    first, second = uuid4(), uuid4()
    with Outbox(store.dsn) as outbox:
        assert outbox.hold(first, 60)
        assert not outbox.hold(second, 60)
        assert outbox.hold(first, -1)
        assert outbox.hold(second, 60)
        assert not outbox.hold(first, 60)


@pytest.mark.req("EVT-3", "OPS-6")
def test_a_server_that_failed_over_begins_its_epoch_before_anything_is_published(store: Store) -> None:
    with Outbox(store.dsn) as outbox:
        seen = outbox.take("events")
        store.connection.execute("update ballyhoo.epochs set timeline = 0")

        again = outbox.take("events")

        assert again.epoch == store.one("select ballyhoo.current_epoch()") != seen.epoch


@pytest.mark.req("EVT-3")
def test_after_a_lost_move_a_log_is_taken_anew_only_under_a_new_epoch(store: Store) -> None:
    with Outbox(store.dsn) as outbox:
        seen = outbox.take("events")
        assert outbox.again("events") == seen
        epoch = store.one("select ballyhoo.current_epoch(true)")

        again = outbox.again("events")

        assert (again.epoch, again.moves) == (epoch, seen.moves + 1)
        outbox.move(again, position=0, lasts=again.lasts, cluster_id=None, topic_id=None)


@pytest.mark.kafka
@pytest.mark.req("EVT-3", "OPS-6")
def test_an_epoch_that_begins_under_a_running_relay_is_gone_on_in(store: Store, kafka: KafkaSettings) -> None:
    with relaying(store, kafka):
        store.append_facts(300)
        until(lambda: store.one("select min(position) from ballyhoo.relay where log = 'engagement'") == 300)
        epoch = store.one("select ballyhoo.current_epoch(true)")

        store.append_facts(200)
        store.append_events(20)

        until(lambda: store.one("select array_agg(position order by log) from ballyhoo.relay") == [500, 20])
    assert store.one("select bool_and(epoch = %s) from ballyhoo.relay", epoch)


@pytest.mark.req("OPS-6")
def test_under_a_new_epoch_publishing_goes_back_to_where_it_began(store: Store) -> None:
    with Outbox(store.dsn) as outbox:
        seen = outbox.take("engagement")
        outbox.move(seen, position=100, lasts=[100, 40, *[90] * 14], cluster_id=None, topic_id=None)
        store.connection.execute(
            """insert into ballyhoo.epochs(epoch, events_position, engagement_position, system_identifier, timeline)
                 select gen_random_uuid(), 5, 60, system_identifier, timeline from ballyhoo.epochs"""
        )

        with pytest.raises(Overtaken):
            outbox.move(outbox.standing("engagement"), position=101, lasts=seen.lasts, cluster_id=None, topic_id=None)
        again = outbox.take("engagement")

        assert again.epoch != seen.epoch
        assert (again.position, again.lasts) == (60, (60, 40, *[60] * 14))


def test_facts_are_read_as_they_lie_by_partition(store: Store) -> None:
    store.append_facts(300, gaps=10)
    with Outbox(store.dsn) as outbox:
        facts = outbox.facts(50, 250)

    rows = store.connection.execute(
        "select part, array_agg(position order by position) from ballyhoo.facts"
        " where position > 50 and position <= 250 group by part"
    ).fetchall()
    assert {part: [position for position, _ in held] for part, held in facts.items()} == dict(rows)


def test_no_facts_are_read_where_there_are_none(store: Store) -> None:
    with Outbox(store.dsn) as outbox:
        assert outbox.facts(0, 100) == {}
