"""The base of every aggregate: decide in a method, change state only in ``when``."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import BaseAggregate
from eventsourcing.utils import register_topic


class Aggregate(BaseAggregate[UUID]):
    """The only class that knows the library's base.

    ``KIND`` names the aggregate in the store (``campaign``). ``due_work`` says what must happen later: a time
    for each kind of due work, ``None`` where nothing waits.
    """

    KIND: ClassVar[str]

    TOPIC: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.TOPIC = cls.KIND
        register_topic(cls.KIND, cls)

    def when(self, event: Any) -> None:
        """Assign what the event says. Never refuse here: a rule in this place runs again on every replay."""
        raise TypeError(f"{type(self).__name__} does not know {type(event).__name__}")

    def due_work(self) -> dict[str, Any]:
        """What is due later, by kind of due work (``{"launch": datetime | None}``)."""
        return {}

    def was_loaded(self) -> None:
        """Remember what is due as loaded: only what differs from it is written later."""
        self._due_as_loaded = self.due_work()

    def changed_due_work(self) -> dict[str, Any]:
        """What of the due work is new or gone since it was loaded."""
        before: dict[str, Any] = getattr(self, "_due_as_loaded", {})
        return {kind: at for kind, at in self.due_work().items() if at != before.get(kind)}

    @property
    def currency(self) -> str | None:
        """The currency that facts about this aggregate must have, fixed when it is made; None where none is."""
        return None
