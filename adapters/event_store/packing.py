"""What an aggregate decided, packed for the append."""

from __future__ import annotations

from functools import cache
from typing import Any

from uuid_utils import uuid7

from adapters.event_store.append import Command
from adapters.event_store.codec import Codec
from adapters.postgres.binary import bytea, int4, int8, row, text, timestamptz, uuid, uuid_bytes
from application.ports import Answer, Context, DueClaim, Idempotency
from domain.shared.aggregate import Aggregate

_NO_TEXT, _NO_BYTES, _NO_INT4, _NO_INT8 = text(None), bytea(None), int4(None), int8(None)
_NO_KEY = _NO_TEXT + _NO_BYTES + _NO_INT4 + _NO_BYTES + _NO_BYTES
_NO_DUE = _NO_INT8 + _NO_INT8
_NO_CAUSE = uuid(None)

_word = cache(text)  # kinds and topics: few, and always the same


def packed(
    codec: Codec, aggregate: Aggregate, events: list[Any], context: Context, answer: Answer | None
) -> Command:
    """The command that appends ``events`` (the aggregate's pending ones, collected) under its conditions."""
    caller, keyed, due = context.caller, context.idempotency, context.due
    first: int = events[0].originator_version
    currency = aggregate.currency if first == 1 else None
    content = row(
        13,
        int4(caller.workspace),
        uuid(aggregate.id),
        _word(aggregate.KIND),
        int8(first - 1),
        int4(len(events)),
        _NO_TEXT if currency is None else text(currency),
        _NO_KEY if keyed is None or answer is None else _kept(keyed, answer),
        _NO_DUE if due is None else _claimed(due),
    )
    # The last column of each, the command's place in its group, comes with the group.
    actor, correlation = text(caller.actor), text(context.correlation)
    cause = _NO_CAUSE if context.causation is None else uuid(context.causation)
    rows = []
    for event in events:
        event_id = uuid7().bytes
        rows.append((event_id, row(
            8, timestamptz(event.timestamp), uuid_bytes(event_id), cause, _word(type(event).TOPIC), actor, correlation,
            bytea(codec.encode(event)),
        )))  # fmt: skip
    waits = [row(3, text(kind), timestamptz(at)) for kind, at in aggregate.changed_due_work().items()]
    key = (caller.workspace, keyed.key) if keyed else None
    return Command((caller.workspace, aggregate.id), key, content, rows, waits)


def _kept(keyed: Idempotency, answer: Answer) -> bytes:
    return b"".join(
        (text(keyed.key), bytea(keyed.fingerprint), int4(answer.status), bytea(answer.body), bytea(answer.at))
    )


def _claimed(due: DueClaim) -> bytes:
    return int8(due.id) + int8(due.fence)
