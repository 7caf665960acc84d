"""kafka-python's idempotent producer, used so that its defects cannot lose or stall anything.

It has no bound of its own (200,000 records were taken in while the broker stood still), so one window is
outstanding at most. A record's failure is only in its future, so every one is asked. After a failed batch it
may never send again, or send out of order, so a publisher that failed is thrown away and never mended.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any, Self
from uuid import UUID

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from adapters.kafka import codec
from adapters.kafka.opening import opened
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import MAX_MESSAGE_BYTES, Identity, identity

DELIVERY_SECONDS = 10.0
_SLICE = 0.5


class PublishFailed(Exception):
    """A window was not acknowledged whole; whether some of it is in the log is not known."""


class Publisher:
    """One producer for one run without error. KafkaError where no broker answers within three seconds."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer = opened(
            KafkaProducer,
            **settings.connection(),
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            batch_size=256 << 10,
            linger_ms=0,
            max_request_size=MAX_MESSAGE_BYTES,
            delivery_timeout_ms=int(DELIVERY_SECONDS * 1_000),
            request_timeout_ms=5_000,
            max_block_ms=5_000,
            retry_backoff_ms=50,
            allow_auto_create_topics=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        # Closing one that still has records to send says so with an exception; they are not awaited any more.
        with contextlib.suppress(KafkaError):
            self._producer.close(timeout=0)

    def identity(self, log: str) -> Identity | None:
        """Which topic the producer speaks to; None while it does not know."""
        return identity(self._producer, self._settings.topic(log))

    def send(self, log: str, epoch: UUID, publications: Iterable[codec.Publication]) -> list[Any]:
        """Begin sending a window; its futures must be settled before the next one. PublishFailed."""
        topic = self._settings.topic(log)
        try:
            return [
                self._producer.send(
                    topic,
                    key=publication.key or b"",
                    value=publication.value,
                    headers=codec.headers(epoch, publication),
                    partition=publication.part,
                )
                for publication in publications
            ]
        except KafkaError as error:
            raise PublishFailed(f"{topic}: {error}") from error

    def settle(self, futures: Iterable[Any], *, meanwhile: Callable[[], None]) -> None:
        """Wait until every record is acknowledged by all replicas in sync, calling ``meanwhile`` now and
        then.

        PublishFailed at the first that is not, or not in time.
        """
        waited = 0.0
        for future in futures:
            while not future.is_done:
                try:
                    future.get(timeout=_SLICE)
                except KafkaTimeoutError as error:
                    waited += _SLICE
                    if waited > 2 * DELIVERY_SECONDS:
                        raise PublishFailed(f"not acknowledged within {waited:.0f} s") from error
                    meanwhile()
                except KafkaError:
                    break
            if not future.succeeded():
                raise PublishFailed(f"{type(future.exception).__name__}: {future.exception}") from future.exception
