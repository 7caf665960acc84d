"""The product's own command line, in a process that the harness can lie to.

The clock that the process reads is off by the seconds that stand in ``FAULTS_FOLDER/clock``. Each time that
``FAULTS_FOLDER/lose-events`` or ``lose-engagement`` is there, a relay loses one record of that log after it was told
that the broker has it. ``FAULTS_BUG`` names a planted bug.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

from kafka.future import Future

from adapters.clock import SystemClock
from adapters.kafka.codec import Publication
from adapters.kafka.publisher import Publisher
from infra import cli
from tests.faults.bugs import BUGS

FOLDER, BUG = "FAULTS_FOLDER", "FAULTS_BUG"


def lie_about_the_time(folder: Path) -> None:
    """Let the process's clock read what it is told to."""
    honest, offset = SystemClock.now, folder / "clock"

    def now(self: SystemClock) -> datetime:
        try:
            return honest(self) + timedelta(seconds=int(offset.read_text()))
        except (FileNotFoundError, ValueError):
            return honest(self)

    patch.object(SystemClock, "now", now).start()


def lose_records(folder: Path) -> None:
    """Let the broker acknowledge a record that it never keeps, where one is asked for."""
    honest, lost = Publisher.send, folder / "lost"

    def send(self: Publisher, log: str, epoch: UUID, publications: Iterable[Publication]) -> list[Any]:
        kept, asked = list(publications), folder / f"lose-{log}"
        full = next((at for at, publication in enumerate(kept) if publication.value is not None), None)
        if full is None or not asked.exists():
            return honest(self, log, epoch, kept)
        gone = kept.pop(full)
        futures = honest(self, log, epoch, kept)
        asked.unlink(missing_ok=True)
        with lost.open("a") as file:
            file.write(f"{log} {gone.part} {gone.prev} {gone.last}\n")
        futures.append(Future().success(None))
        return futures

    patch.object(Publisher, "send", send).start()


def main() -> None:
    """Lie as the environment says, then be the product."""
    folder = Path(os.environ[FOLDER])
    lie_about_the_time(folder)
    lose_records(folder)
    if name := os.environ.get(BUG):
        BUGS[name].plant()
    cli.main()
