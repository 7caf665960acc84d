"""Snapshots: one page. A stream that has grown long is read from its last snapshot.

They are made beside the commands, never in them, and one that cannot be read is ignored: the stream tells all.
One of another shape is not even looked at, for it may lack what its events would have told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, ClassVar, Protocol, Self, cast
from uuid import UUID

import msgspec

from adapters.event_store.codec import Codec
from domain.shared.aggregate import Aggregate

EVERY = 100

_NAMED = {"properties", "$defs"}
_PROSE = {"title", "description"}

KEEP = """
insert into ballyhoo.snapshots(stream, version, topic, state)
  select stream, %(version)s, %(topic)s, %(state)s from ballyhoo.streams where workspace = %(workspace)s and id = %(id)s
  on conflict (stream, version) do update set topic = excluded.topic, state = excluded.state
"""


class HasState(Protocol):
    """An aggregate whose state is one frozen value."""

    STATE: ClassVar[type]

    def state(self) -> object:
        """The whole state."""
        ...

    @classmethod
    def from_state(
        cls, id: UUID, version: int, created_on: datetime, modified_on: datetime, state: Any
    ) -> Self:
        """The aggregate again."""
        ...


class _Snapshot(msgspec.Struct):
    created_on: datetime
    modified_on: datetime
    state: msgspec.Raw


def due(before: int, version: int) -> int | None:
    """The version to take a snapshot of, where a save that led from ``before`` to ``version`` asks for one."""
    last = version - version % EVERY
    return last if last > before else None


@cache
def topic(kind: type[Aggregate]) -> str | None:
    """Under what the snapshots of an aggregate stand: its kind, the version of its folding (``class_version``)
    and the shape of its state. None where it has none."""
    if not hasattr(kind, "STATE"):
        return None
    shape = msgspec.json.encode(_shape(msgspec.json.schema(kind.STATE)), order="deterministic")
    return f"{kind.KIND}:{getattr(kind, 'class_version', 1)}:{sha256(shape).hexdigest()[:16]}"


def restore(codec: Codec, kind: type[Aggregate], id: UUID, row: Sequence[Any]) -> Any | None:
    """The aggregate of a snapshot row (version, topic, state, …); None where it cannot be read."""
    version, _, content, *_ = row
    stateful = cast(type[HasState], kind)
    try:
        snapshot = codec.decode_state(_Snapshot, content)
        state = codec.decode_state(stateful.STATE, snapshot.state)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return stateful.from_state(id, version, snapshot.created_on, snapshot.modified_on, state)


def content(codec: Codec, aggregate: Aggregate) -> bytes:
    """What is kept of an aggregate."""
    state = cast(HasState, aggregate).state()
    return codec.encode_state(
        {"created_on": aggregate.created_on, "modified_on": aggregate.modified_on, "state": state}
    )


def _shape(schema: Any) -> Any:
    """A JSON schema without its prose: a docstring may change."""
    if isinstance(schema, list):
        return [_shape(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        word: {name: _shape(part) for name, part in below.items()} if word in _NAMED else _shape(below)
        for word, below in schema.items()
        if word not in _PROSE
    }
