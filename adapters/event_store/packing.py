"""What an aggregate decided, packed for the append."""

from __future__ import annotations

from typing import Any

from uuid_utils.compat import uuid7

from adapters.event_store.append import Command
from adapters.event_store.codec import Codec
from adapters.postgres.binary import bytea, int4, int8, row, text, timestamptz, uuid
from application.ports import Answer, Context
from domain.shared.aggregate import Aggregate


def packed(
    codec: Codec, aggregate: Aggregate, events: list[Any], context: Context, answer: Answer | None
) -> Command:
    """The command that appends ``events`` (the aggregate's pending ones, collected) under its conditions."""
    caller, due = context.caller, context.due
    keyed = context.idempotency
    kept = answer if keyed else None
    first: int = events[0].originator_version
    content = row(
        int4(caller.workspace),
        uuid(aggregate.id),
        text(aggregate.KIND),
        int8(first - 1),
        text(aggregate.currency if first == 1 else None),
        text(keyed.key if keyed else None),
        bytea(keyed.fingerprint if keyed else None),
        int4(kept.status if kept else None),
        bytea(kept.body if kept else None),
        bytea(kept.at if kept else None),
        int8(due.id if due else None),
        int8(due.fence if due else None),
    )
    rows = []
    for event in events:
        event_id = uuid7()
        rows.append((event_id, (
            timestamptz(event.timestamp), uuid(event_id), uuid(context.causation), text(type(event).TOPIC),
            text(caller.actor), text(context.correlation), bytea(codec.encode(event)),
        )))  # fmt: skip
    waits = [(text(kind), timestamptz(at)) for kind, at in aggregate.changed_due_work().items()]
    key = (caller.workspace, keyed.key) if keyed else None
    return Command((caller.workspace, aggregate.id), key, content, rows, waits)
