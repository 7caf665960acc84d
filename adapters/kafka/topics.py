"""The two topics: made by the relay that holds the lease, checked by every process."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError

from adapters.event_store.outbox import LOGS
from adapters.kafka.opening import opened
from adapters.kafka.settings import KafkaSettings

# Room for one record of codec.RECORD_BYTES with its headers.
MAX_MESSAGE_BYTES = 16 << 20


class Identity(NamedTuple):
    """Which topic this is, of which cluster: an offset means nothing in another one."""

    cluster_id: str
    topic_id: str


class TopicUnfit(Exception):
    """A topic is not as it must be; the message names it, the setting and what is wanted."""


class Topics:
    """Both topics of one Kafka. KafkaError from every method where no broker answers."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._admin = opened(KafkaAdminClient, **settings.connection(), request_timeout_ms=5_000)

    def close(self) -> None:
        """Hang up."""
        self._admin.close()

    def make(self, partitions: int) -> None:
        """Make what is missing."""
        there = set(self._admin.list_topics())
        wanted = {
            self._settings.topic(log): {
                "num_partitions": partitions,
                "replication_factor": self._settings.replication,
                "configs": {
                    "cleanup.policy": "delete",
                    "retention.ms": str(self._settings.retention_hours * 3_600_000),
                    "max.message.bytes": str(MAX_MESSAGE_BYTES),
                    "min.insync.replicas": str(self._settings.min_insync),
                },
            }
            for log in LOGS
            if self._settings.topic(log) not in there
        }
        if wanted:
            try:
                self._admin.create_topics(wanted, wait_for_metadata=True)
            except TopicAlreadyExistsError:
                self._admin.wait_for_topics(list(wanted))

    def check(self, partitions: int) -> dict[str, Identity]:
        """Which topics these are, by log; those that are not there are left out. TopicUnfit."""
        cluster_id = self._admin.describe_cluster()["cluster_id"]
        names = {self._settings.topic(log): log for log in LOGS}
        there = {topic["name"]: topic for topic in self._admin.describe_topics(list(names)) if topic["error_code"] == 0}
        for name, topic in there.items():
            count = len(topic["partitions"])
            if count != partitions:
                raise TopicUnfit(f"The topic {name} has {count} partitions; the database says {partitions}.")
        found = self._configs(list(there))
        for name in there:
            _fit(name, found.get(name, {}))
        return {names[name]: Identity(cluster_id, str(topic["topic_id"])) for name, topic in there.items()}

    def _configs(self, names: list[str]) -> dict[str, Mapping[str, Any]]:
        if not names:
            return {}
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        answer = self._admin.describe_configs(asked, config_filter="all")
        return {name: configs for kind in answer.values() for name, configs in kind.items()}


def identity(client: Any, topic: str) -> Identity | None:
    """Which topic a consumer or producer speaks to, as its own metadata say (read anew every three seconds).

    None while it does not know. The client has no public way to this; asking through an admin client would
    block the caller while the broker is away.
    """
    cluster = client._metadata if hasattr(client, "_metadata") else client._cluster
    topic_id = cluster.topic_id(topic)
    if cluster.cluster_id is None or topic_id is None or topic_id == uuid.UUID(int=0):
        return None
    return Identity(cluster.cluster_id, str(topic_id))


def _fit(name: str, configs: Mapping[str, Any]) -> None:
    if not {"cleanup.policy", "max.message.bytes"} <= configs.keys():
        # The client drops the broker's reason: no right, or a topic that was deleted just now.
        raise TopicUnfit(f"The settings of the topic {name} can't be read; the right DescribeConfigs on it is needed.")
    policy = configs["cleanup.policy"]["value"]
    if policy != "delete":
        raise TopicUnfit(f"The topic {name} has cleanup.policy {policy}; a log of links needs delete.")
    room = int(configs["max.message.bytes"]["value"])
    if room < MAX_MESSAGE_BYTES:
        raise TopicUnfit(f"The topic {name} has max.message.bytes {room}; {MAX_MESSAGE_BYTES} are needed.")
