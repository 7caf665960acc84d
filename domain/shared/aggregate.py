"""The base of every aggregate: decide in a method, change state only in ``when``."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import BaseAggregate


class Aggregate(BaseAggregate[UUID]):
    """The only class that knows the library's base.

    ``KIND`` names the aggregate in the store (``campaign``). ``due_work`` says what must happen later: a time
    for each kind of due work, ``None`` where nothing waits.
    """

    KIND: ClassVar[str]

    def when(self, event: Any) -> None:
        """Assign what the event says. Never refuse here: a rule in this place runs again on every replay."""
        raise TypeError(f"{type(self).__name__} does not know {type(event).__name__}")

    def due_work(self) -> dict[str, Any]:
        """What is due later, by kind of due work (``{"launch": datetime | None}``)."""
        return {}
