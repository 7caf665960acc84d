"""Domain events and aggregate states to bytes and back, by their declared types.

JSON, so that another language and a hash can read it; typed, so that what comes back is what went in. An event of
an older shape is lifted: a field that it lacks takes its default, and where a class counts its shapes
(``class_version``) the static methods ``upcast_v1_v2(state)`` … of the class are applied to the raw content, as in
the eventsourcing library.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NotRequired, TypedDict, get_type_hints
from uuid import UUID

import msgspec

from domain.shared.event import Event

# Without the constructor, and without the call of a function that does it: this is done for every event that is read.
_new, _set = object.__new__, object.__setattr__
_ENVELOPE = {"originator_id", "originator_version", "timestamp"}


class UnknownTopic(Exception):
    """An event of a newer release: nothing here may guess what it means."""


class _Shape:
    """How one event class is read: what decodes its content, its defaults, and the version of its shape."""

    def __init__(self, cls: type[Event]) -> None:
        hints = get_type_hints(cls)
        fields = {field.name: field for field in dataclasses.fields(cls) if field.name not in _ENVELOPE}
        self.cls = cls
        self.fields = len(fields)
        self.defaults = {
            name: field for name, field in fields.items()
            if field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        }  # fmt: skip
        types = {name: NotRequired[hints[name]] if name in self.defaults else hints[name] for name in fields}
        make: Any = TypedDict
        self.type: Any = make(cls.__name__, types)
        self.version: int = getattr(cls, "class_version", 1)
        self.content = msgspec.json.Decoder(self.type).decode if self.version == 1 else self._lifted

    def complete(self, content: dict[str, Any]) -> None:
        """Give the fields that are missing their defaults."""
        for name, field in self.defaults.items():
            if name not in content:
                factory = field.default_factory
                content[name] = field.default if factory is dataclasses.MISSING else factory()

    def _lifted(self, state: bytes) -> dict[str, Any]:
        raw = msgspec.json.decode(state)
        for version in range(raw.pop("class_version", 1), self.version):
            getattr(self.cls, f"upcast_v{version}_v{version + 1}")(raw)
        lifted: dict[str, Any] = msgspec.convert(raw, self.type, str_keys=True)
        return lifted


class Codec:
    """Knows the event classes of the catalogue."""

    def __init__(self, events: Iterable[type[Event]]) -> None:
        self._shapes = {cls.TOPIC: _Shape(cls) for cls in events}
        self._encoder = msgspec.json.Encoder()
        self._states: dict[type, msgspec.json.Decoder[Any]] = {}

    def encode(self, event: Event) -> bytes:
        """An event's content, without its envelope."""
        content = {name: value for name, value in vars(event).items() if name not in _ENVELOPE}
        version = getattr(type(event), "class_version", 1)
        if version > 1:
            content["class_version"] = version
        return self._encoder.encode(content)

    def decode(self, topic: str, state: bytes, *, id: UUID, version: int, at: datetime) -> Event:
        """The event that was stored; ``at`` is the time at which it was recorded. UnknownTopic."""
        shape = self._shapes.get(topic)
        if shape is None:
            raise UnknownTopic(topic)
        content = shape.content(state)
        if len(content) < shape.fields:
            shape.complete(content)
        content["originator_id"] = id
        content["originator_version"] = version
        content["timestamp"] = at
        event: Event = _new(shape.cls)
        _set(event, "__dict__", content)
        return event

    def encode_state(self, state: object) -> bytes:
        """An aggregate's state, for a snapshot."""
        return self._encoder.encode(state)

    def decode_state(self, kind: type[Any], state: bytes) -> Any:
        """A snapshot's state as ``kind``. msgspec.MsgspecError where it has another shape."""
        decoder = self._states.get(kind) or self._states.setdefault(kind, msgspec.json.Decoder(kind))
        return decoder.decode(state)
