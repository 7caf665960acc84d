"""The first and the last step of every handler: load what was asked for, record what was decided."""

from __future__ import annotations

from uuid import UUID

from application.ports import (
    A,
    Context,
    EventStore,
    PreconditionFailed,
    Recorded,
    StaleVersion,
    VersionConflict,
)
from domain.shared.aggregate import Aggregate


async def load(store: EventStore, kind: type[A], id: UUID, context: Context) -> A:
    """The aggregate as it stands. NotFound; PreconditionFailed where If-Match asks for another version."""
    aggregate = await store.get(kind, context.caller.workspace, id)
    if context.if_match is not None and aggregate.version not in context.if_match:
        raise PreconditionFailed(aggregate.version)
    return aggregate


async def record(store: EventStore, aggregate: Aggregate, context: Context) -> Recorded:
    """Save what the aggregate decided. VersionConflict where the race was lost.

    The execution then runs the command again, and ``load`` finds out where If-Match asks for what is gone.
    """
    seen = aggregate.version - len(aggregate.pending_events)
    try:
        return await store.save(aggregate, context)
    except StaleVersion as stale:
        raise VersionConflict(seen, stale.stands) from stale
