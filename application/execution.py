"""Around every handler, once: run it again when a race was lost, and write one line about it."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Generic, Protocol, TypeVar

import structlog

from application.ports import Context, Recorded, VersionConflict
from domain.shared.aggregate import Aggregate
from domain.shared.errors import DomainError

MOST_RERUNS = 3

C_contra = TypeVar("C_contra", contravariant=True)
R_co = TypeVar("R_co", bound=Aggregate, covariant=True)

log = structlog.get_logger()


class Handler(Protocol[C_contra, R_co]):
    """Loads, decides, saves."""

    async def __call__(self, command: C_contra, context: Context) -> tuple[R_co, Recorded]:
        """The aggregate as it stands after the command, and what the log said."""
        ...


@dataclass(frozen=True)
class Executed(Generic[C_contra, R_co]):
    """A handler as the application offers it."""

    handler: Handler[C_contra, R_co]

    async def __call__(self, command: C_contra, context: Context) -> tuple[R_co, Recorded]:
        """Run the command; a lost race is run again at most ``MOST_RERUNS`` times, then VersionConflict."""
        began = perf_counter()
        reruns = 0
        outcome = "cancelled"
        about = getattr(command, "id", None)
        try:
            while True:
                try:
                    aggregate, recorded = await self.handler(command, context)
                except VersionConflict:
                    if reruns == MOST_RERUNS:
                        raise
                    reruns += 1
                else:
                    outcome = "replayed" if recorded.replayed else "done"
                    about = aggregate.id
                    return aggregate, recorded
        except Exception as error:
            outcome = error.slug if isinstance(error, DomainError) else type(error).__name__
            raise
        finally:
            log.info(
                "command",
                command=type(command).__name__,
                id=None if about is None else str(about),
                outcome=outcome,
                reruns=reruns,
                milliseconds=round((perf_counter() - began) * 1000, 3),
                workspace=context.caller.workspace,
                actor=context.caller.actor,
                correlation=context.correlation,
            )
