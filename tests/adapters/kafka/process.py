"""A relay or a projector as a process of its own, for tests that stop and kill it: ``relay|projector`` and
then the database's URL, the brokers and the topics' prefix.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from adapters.event_store.codec import Codec
from adapters.kafka.relay import Relay
from adapters.kafka.settings import KafkaSettings
from adapters.read_models.from_kafka import KafkaSource
from adapters.read_models.runner import Runner
from domain.catalogue import EVENTS
from tests.adapters.kafka.ledger import FACTS, STREAMS


class Process:
    """The process and the lines that it has logged."""

    def __init__(self, kind: str, dsn: str, settings: KafkaSettings, log: Path) -> None:
        self._log = log
        self._command = [sys.executable, "-m", __name__, kind, dsn, settings.servers, settings.prefix]

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(self._command, stdout=log, stderr=log)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._child.kill()
        self._child.wait()

    def send(self, number: signal.Signals) -> None:
        """Signal it."""
        self._child.send_signal(number)

    def said(self, event: str) -> list[dict[str, Any]]:
        """Its log lines of this name."""
        lines = [line for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, lines) if line["event"] == event]


def main(kind: str, dsn: str, servers: str, prefix: str) -> None:
    """Run until SIGTERM."""
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    settings = KafkaSettings(servers, prefix=prefix)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop.set).start())
    if kind == "relay":
        Relay(dsn, settings).run(stop)
    else:
        Runner(dsn, projections=(FACTS, STREAMS), source=lambda: KafkaSource(settings, Codec(EVENTS))).run(stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
