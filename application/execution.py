"""Around every handler, once: run it again when a race was lost, and write one line about it."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar

import structlog

from application.ports import Context, PreconditionFailed, Recorded, VersionConflict
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
        outcome = "crashed"
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
                    return aggregate, recorded
        except DomainError as refusal:
            outcome = refusal.slug
            raise
        except PreconditionFailed:
            outcome = "precondition-failed"
            raise
        finally:
            _write_line(command, context, outcome, reruns, perf_counter() - began)


def _write_line(command: Any, context: Context, outcome: str, reruns: int, seconds: float) -> None:
    log.info(
        "command",
        command=type(command).__name__,
        id=str(command.id) if getattr(command, "id", None) else None,
        outcome=outcome,
        reruns=reruns,
        milliseconds=round(seconds * 1000, 3),
        workspace=context.caller.workspace,
        actor=context.caller.actor,
        correlation=context.correlation,
    )
