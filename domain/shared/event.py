"""The base of every domain event: a frozen fact in the past tense with a topic that never changes."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import AggregateEvent, CanInitAggregate
from eventsourcing.utils import register_topic


class Event(AggregateEvent):
    """A fact about one aggregate.

    Subclasses set ``TOPIC`` (``campaign.launched``). ``timestamp`` is the occurred time while the event is
    pending; an event that was loaded carries the time at which it was recorded.
    """

    TOPIC: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if topic := cls.__dict__.get("TOPIC"):
            register_topic(topic, cls)

    def apply(self, aggregate: Any) -> None:
        """Hand the event to the aggregate's ``when``, which only assigns."""
        aggregate.when(self)


class Created(Event, CanInitAggregate[UUID]):
    """The first fact of a stream."""

    originator_topic: str
