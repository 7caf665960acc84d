"""The relay: from the event store to Kafka. One publishes, any number stand by.

Which one publishes is a lease in the database, by the database's clock; it is taken over within seconds of
its end. What keeps the data right is not the lease but compare-and-set on the positions, and links in the
records: a relay that was stopped and woke up finds its move lost, says so and stands by, and what it sent
meanwhile is true all the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import structlog
from kafka.errors import KafkaError

from adapters.event_store.outbox import LOGS, Outbox, Overtaken, Standing
from adapters.kafka.codec import ENVELOPE_FACTS
from adapters.kafka.publisher import Publisher, PublishFailed
from adapters.kafka.publishing import Publishing
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import Topics, TopicUnfit
from application.ports import Unavailable

LEASE_SECONDS = 10.0
WINDOW_FACTS = 16_000

_STAND_BY_SECONDS = 1.0
_RETRY_SECONDS = 0.5
_TELL_SECONDS = 2.0
_LATE_SECONDS = 2.0
_BUSY_PAUSE, _IDLE_PAUSE, _BUSY_FOR = 0.005, 0.02, 1.0

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """Another relay holds the lease by now."""


class Relay:
    """``run`` until told to stop. ``status`` says at any time how it stands, and is written beside the
    process.

    ``open_outbox`` is the way to the store; ``window_facts`` positions are read at once, and at most
    ``envelope_facts`` facts travel in a record.
    """

    def __init__(
        self,
        dsn: str,
        settings: KafkaSettings,
        *,
        id: UUID | None = None,
        lease_seconds: float = LEASE_SECONDS,
        window_facts: int = WINDOW_FACTS,
        envelope_facts: int = ENVELOPE_FACTS,
        open_outbox: Callable[[str], Outbox] = Outbox,
    ) -> None:
        self.id = id or uuid4()
        self.status: dict[str, Any] = {"role": "standby", "kafka": None, "logs": {}}
        self._dsn = dsn
        self._settings = settings
        self._lease_seconds = lease_seconds
        self._window_facts = window_facts
        self._envelope_facts = envelope_facts
        self._open_outbox = open_outbox
        self._held_at = float("-inf")
        self._told_at = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Publish while this relay holds the lease, stand by while not; returns soon after ``stop``."""
        while not stop.is_set():
            try:
                with self._open_outbox(self._dsn) as outbox:
                    self._serve(outbox, stop)
            except Unavailable as error:
                log.warning("database_unavailable", reason=str(error.__cause__ or error).strip())
                stop.wait(_RETRY_SECONDS)

    def _serve(self, outbox: Outbox, stop: threading.Event) -> None:
        while not stop.is_set():
            if self._hold(outbox):
                self.status["role"] = "active"
                log.info("relay_active", relay=str(self.id))
                try:
                    self._lead(outbox, stop)
                    outbox.let_go(self.id)
                except LeaseLost:
                    log.warning("ownership_lost", relay=str(self.id))
            self.status["role"] = "standby"
            self._tell(outbox)
            stop.wait(_STAND_BY_SECONDS)
        outbox.forget(self.id)

    def _lead(self, outbox: Outbox, stop: threading.Event) -> None:
        """Publish until told to stop. LeaseLost, and Unavailable."""
        standings = {name: outbox.take(name) for name in LOGS}
        while not stop.is_set():
            try:
                self._keep(outbox)
                self._make_topics(outbox, standings)
                with Publisher(self._settings) as publisher:
                    self._publish(outbox, publisher, standings, stop)
            except (KafkaError, PublishFailed, TopicUnfit) as error:
                self.status["kafka"] = f"{type(error).__name__}: {error}"
                log.warning("publishing_failed", reason=self.status["kafka"])
                self._keep(outbox)
                stop.wait(_RETRY_SECONDS)
                standings = {name: outbox.again(name) for name in LOGS}
            except Overtaken:
                self._hold_or_lose(outbox)
                standings = {name: outbox.again(name) for name in LOGS}

    def _publish(
        self, outbox: Outbox, publisher: Publisher, standings: dict[str, Standing], stop: threading.Event
    ) -> None:
        def keep() -> None:
            late = publishing.unanswered()
            self.status["kafka"] = f"no acknowledgement for {late:.0f} s" if late > _LATE_SECONDS else "ok"
            self._keep(outbox)

        publishing = Publishing(
            outbox,
            publisher,
            standings,
            keep=keep,
            window_facts=self._window_facts,
            envelope_facts=self._envelope_facts,
        )
        self.status["kafka"] = "ok"
        self.status["logs"] = publishing.progress
        busy_until = 0.0
        while not stop.is_set():
            try:
                if publishing.turn():
                    busy_until = time.monotonic() + _BUSY_FOR
                    if publishing.behind():
                        continue
            except Overtaken as error:
                log.warning("overtaken", log=str(error), relay=str(self.id))
                self._hold_or_lose(outbox)
                publishing.resume()
            stop.wait(_BUSY_PAUSE if time.monotonic() < busy_until else _IDLE_PAUSE)
        publishing.settle()

    def _make_topics(self, outbox: Outbox, standings: dict[str, Standing]) -> None:
        """Topics that are as they must be, and their ids in the database before anything is sent to them."""
        partitions = outbox.partitions()
        topics = Topics(self._settings)
        try:
            topics.make(partitions)
            found = topics.check(partitions)
        finally:
            topics.close()
        for name, seen in standings.items():
            now = found.get(name)
            if now is None:
                raise PublishFailed(f"the topic {self._settings.topic(name)} is not there yet")
            if now != (seen.cluster_id, seen.topic_id):
                if seen.topic_id is not None:
                    log.warning("topic_exchanged", log=name, was=seen.topic_id, now=now.topic_id)
                standings[name] = outbox.move(
                    seen,
                    position=seen.position,
                    lasts=seen.lasts,
                    cluster_id=now.cluster_id,
                    topic_id=now.topic_id,
                )

    def _hold(self, outbox: Outbox) -> bool:
        held_at = time.monotonic()
        if not outbox.hold(self.id, self._lease_seconds):
            return False
        self._held_at = held_at
        return True

    def _hold_or_lose(self, outbox: Outbox) -> None:
        if not self._hold(outbox):
            raise LeaseLost

    def _keep(self, outbox: Outbox) -> None:
        """Renew the lease in its time, and tell how things stand. A process that was stopped asks first."""
        if time.monotonic() - self._held_at > self._lease_seconds / 4:
            self._hold_or_lose(outbox)
        self._tell(outbox)

    def _tell(self, outbox: Outbox) -> None:
        if time.monotonic() - self._told_at > _TELL_SECONDS:
            self._told_at = time.monotonic()
            outbox.tell(self.id, self.status)
