"""The catalogue names every event once, by a topic that says whose it is."""

from __future__ import annotations

import re
from typing import Any

from domain.catalogue import EVENTS
from domain.shared.event import Created, Event


def _leaves(cls: type[Any]) -> set[type[Any]]:
    below = {leaf for sub in cls.__subclasses__() for leaf in _leaves(sub)}
    return below | ({cls} if "TOPIC" in vars(cls) else set())


def test_every_event_class_of_the_domain_stands_in_the_catalogue() -> None:
    domain = {cls for cls in _leaves(Event) if cls.__module__.startswith("domain.")}

    assert set(EVENTS) == domain


def test_topics_are_unique_and_speak_in_one_form() -> None:
    topics = [event.TOPIC for event in EVENTS]

    assert len(set(topics)) == len(topics)
    for event in EVENTS:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*(\.[2-9])?", event.TOPIC)
        assert event.TOPIC.split(".")[0].replace("-", "_") == event.__module__.split(".")[1]


def test_each_aggregate_begins_with_one_kind_of_event() -> None:
    firsts = [event.TOPIC.split(".")[0] for event in EVENTS if issubclass(event, Created)]

    assert sorted(firsts) == sorted({event.TOPIC.split(".")[0] for event in EVENTS})
