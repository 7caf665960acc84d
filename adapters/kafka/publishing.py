"""One run of publishing without error: read a window, send it, read the next meanwhile, settle, move the
position.

At most one window is outstanding, and a position is moved only after every record of its window was
acknowledged. Partitions that a window leaves out are told so by heartbeats, at most every 50 ms; every ten
seconds an announcement to each partition lets projectors see that the tail of their partition was lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from adapters.event_store.outbox import LOGS, Outbox, Standing, StoredEvent
from adapters.kafka import codec
from adapters.kafka.publisher import Publisher, PublishFailed

HEARTBEAT_SECONDS = 0.05
ANNOUNCE_SECONDS = 10.0
WINDOW_EVENTS = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Window:
    """What is to be sent of one log, and where its standing will be when all of it is acknowledged."""

    log: str
    publications: list[codec.Publication]
    position: int
    lasts: tuple[int, ...]
    correlations: frozenset[str] = frozenset()


class Publishing:
    """``standings`` are moved along; ``progress`` holds position and head of each log, for a status.

    ``keep`` is called between windows and while waiting, and raises where this relay must stop.
    """

    def __init__(
        self,
        outbox: Outbox,
        publisher: Publisher,
        standings: dict[str, Standing],
        *,
        keep: Callable[[], None],
        window_facts: int,
        envelope_facts: int,
    ) -> None:
        self.standings = standings
        self.progress: dict[str, dict[str, int]] = {name: {} for name in LOGS}
        self._heads = dict.fromkeys(LOGS, 0)
        self._outbox = outbox
        self._publisher = publisher
        self._keep = keep
        self._window_facts = window_facts
        self._envelope_facts = envelope_facts
        self._ahead = dict(standings)
        self._outstanding: tuple[Window, list[Any]] | None = None
        self._asked_at: float | None = None
        self._told = dict.fromkeys(LOGS, float("-inf"))
        self._announced = dict.fromkeys(LOGS, float("-inf"))

    def turn(self) -> bool:
        """Send what waits in each log, at most one window of it; False where nothing waited.

        Overtaken where another relay moved a position or an epoch began; then ``resume`` reads the positions anew.
        PublishFailed, and Unavailable.
        """
        self._keep()
        self._heads = self._outbox.heads()
        sent = False
        for name in LOGS:
            window = self._read(name)
            self.settle()
            if window is not None:
                self._see_same_topic(name, known=False)
                futures = self._publisher.send(name, self._ahead[name].epoch, window.publications)
                self._outstanding = (window, futures)
                self._ahead[name] = replace(self._ahead[name], position=window.position, lasts=window.lasts)
                sent = True
            self.progress[name].update(position=self.standings[name].position, head=self._heads[name])
        return sent

    def unanswered(self) -> float:
        """Seconds for which the broker has owed an acknowledgement."""
        return 0.0 if self._asked_at is None else time.monotonic() - self._asked_at

    def behind(self) -> bool:
        """Whether a full window waits already."""
        return any(self._heads[name] - self._ahead[name].position >= WINDOW_EVENTS for name in LOGS)

    def settle(self) -> None:
        """Wait for the outstanding window and move the position past it."""
        if self._outstanding is None:
            return
        window, futures = self._outstanding
        self._asked_at = time.monotonic()
        self._publisher.settle(futures, meanwhile=lambda: self._wait(window.log))
        self._outstanding = self._asked_at = None
        seen = self.standings[window.log]
        if (window.position, window.lasts) == (seen.position, seen.lasts):
            return
        self.standings[window.log] = self._outbox.move(
            seen,
            position=window.position,
            lasts=window.lasts,
            cluster_id=seen.cluster_id,
            topic_id=seen.topic_id,
        )
        if window.correlations:
            log.info(
                "events_published",
                after=seen.position,
                upto=window.position,
                correlations=sorted(window.correlations),
            )

    def resume(self) -> None:
        """Read the positions anew and go on from there."""
        self._outstanding = self._asked_at = None
        for name in LOGS:
            self.standings[name] = self._ahead[name] = self._outbox.again(name)

    def _read(self, name: str) -> Window | None:
        ahead, head = self._ahead[name], self._heads[name]
        lasts = list(ahead.lasts)
        publications: list[codec.Publication] = []
        correlations: frozenset[str] = frozenset()
        position = ahead.position
        if head > position and name == "events":
            events, position = self._events(position, head)
            publications.extend(codec.event_publications(events, lasts, upto=position))
            correlations = frozenset(event.correlation for event in events)
        elif head > position:
            upto = min(head, position + self._window_facts)
            facts = self._outbox.facts(position, upto)
            publications.extend(codec.fact_publications(facts, lasts, upto=upto, most=self._envelope_facts))
            position = upto
        publications.extend(self._links(name, position, lasts))
        if not publications and position == ahead.position:
            return None
        return Window(name, publications, position, tuple(lasts), correlations)

    def _events(self, after: int, head: int) -> tuple[list[StoredEvent], int]:
        upto = min(head, after + WINDOW_EVENTS)
        events = self._outbox.events(after, upto, limit=WINDOW_EVENTS)
        cut_short = bool(events) and len(events) < upto - after
        return events, events[-1].position if cut_short else upto

    def _links(self, name: str, position: int, lasts: list[int]) -> list[codec.Publication]:
        """Heartbeats for partitions that had nothing up to ``position``, announcements for all when it is
        time.
        """
        now = time.monotonic()
        links: list[codec.Publication] = []
        if now - self._told[name] >= HEARTBEAT_SECONDS:
            for part, last in enumerate(lasts):
                if last < position:
                    links.append(codec.Publication(part, last, position))
                    lasts[part] = position
            if links:
                self._told[name] = now
        if now - self._announced[name] >= ANNOUNCE_SECONDS:
            links.extend(codec.Publication(part, last, last) for part, last in enumerate(lasts))
            self._announced[name] = now
        return links

    def _wait(self, name: str) -> None:
        self._keep()
        self._see_same_topic(name, known=True)

    def _see_same_topic(self, name: str, *, known: bool) -> None:
        """PublishFailed where the topic was deleted or exchanged, which the client would not say for long or ever."""
        standing, now = self.standings[name], self._publisher.identity(name)
        if (known or now is not None) and now != (standing.cluster_id, standing.topic_id):
            raise PublishFailed("the topic is gone, or is another one of the same name")
