"""What could not be opened leaves nothing behind, however often it is tried."""

from __future__ import annotations

import threading

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from adapters.kafka.opening import opened
from tests.infra.serving import free_port


@pytest.mark.req("EVT-3")
@pytest.mark.parametrize("kind", [KafkaAdminClient, KafkaConsumer, KafkaProducer])
def test_a_broker_that_does_not_answer_costs_no_thread(kind: type) -> None:
    before = threading.active_count()

    for _ in range(3):
        with pytest.raises(KafkaError):
            opened(kind, bootstrap_servers=f"127.0.0.1:{free_port()}", bootstrap_timeout_ms=200)

    assert threading.active_count() == before
