"""Snapshots: one page. A stream that has grown long is read from its last snapshot.

They are made beside the commands, never in them, and one that cannot be read is ignored: the stream tells all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self, runtime_checkable
from uuid import UUID

import msgspec

from adapters.event_store.codec import Codec
from domain.shared.aggregate import Aggregate

EVERY = 100

_KEEP = """
insert into ballyhoo.snapshots(stream, version, topic, state)
  select stream, %(version)s, %(topic)s, %(state)s from ballyhoo.streams where workspace = %(workspace)s and id = %(id)s
  on conflict do nothing
"""


@runtime_checkable
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


def restore(codec: Codec, kind: type[Aggregate], id: UUID, row: Sequence[Any]) -> Any | None:
    """The aggregate of a snapshot row (version, topic, state, …); None where it has another shape."""
    version, topic, state, *_ = row
    if topic != kind.KIND or not issubclass(kind, HasState):
        return None
    try:
        snapshot = codec.decode_state(_Snapshot, state)
        return kind.from_state(
            id,
            version,
            snapshot.created_on,
            snapshot.modified_on,
            codec.decode_state(kind.STATE, snapshot.state),
        )
    except msgspec.MsgspecError:
        return None


def take(codec: Codec, workspace: int, aggregate: Aggregate) -> tuple[str, dict[str, Any]] | None:
    """The statement that keeps a snapshot where the stream has grown by EVERY events; else None."""
    if aggregate.version % EVERY or not isinstance(aggregate, HasState):
        return None
    content = codec.encode_state(
        {"created_on": aggregate.created_on, "modified_on": aggregate.modified_on, "state": aggregate.state()}
    )
    values = {
        "version": aggregate.version,
        "topic": aggregate.KIND,
        "state": content,
        "workspace": workspace,
        "id": aggregate.id,
    }
    return _KEEP, values
