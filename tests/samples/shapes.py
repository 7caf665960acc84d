"""Golden samples: for every shape of event that was ever written, what was written and what it must read as.

    python -m tests.samples.shapes        records what has no sample yet

``events/<topic>.<class_version>.json`` holds two events: one with everything, one ``short`` of all that may be left
out, whose reading therefore shows the defaults. A file is never changed: an event of that shape lies in somebody's
log. When a class counts up its ``class_version``, ``reads`` of the older files says what the upcasts make of them.
A field that was added later may come on top of ``reads``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from adapters.event_store.codec import Codec
from domain.catalogue import EVENTS
from domain.shared.event import Event
from tests.support.by_type import fields_of

FOLDER = Path(__file__).parent / "events"
_AT = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
_ENVELOPE = ("originator_id", "originator_version", "timestamp")

Samples = Mapping[tuple[str, int], Mapping[str, Any]]


def recorded(folder: Path = FOLDER) -> dict[tuple[str, int], dict[str, Any]]:
    """Every sample by topic and version of the shape."""
    return {_named(path): json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def faults(samples: Samples, events: Iterable[type[Event]]) -> list[str]:
    """One line for each shape without a sample, and for each sample that no longer reads as it did."""
    classes = {cls.TOPIC: cls for cls in events}
    codec = Codec(classes.values())
    found = [
        f"{topic}.{version} has no sample"
        for topic, cls in classes.items()
        for version in range(1, getattr(cls, "class_version", 1) + 1)
        if (topic, version) not in samples
    ]
    for (topic, version), sample in samples.items():
        if topic not in classes:
            found.append(f"{topic}.{version} is in somebody's log, and no class reads it")
            continue
        for form in ("whole", "short"):
            try:
                found += _differences(f"{topic}.{version} {form}", codec, topic, sample[form])
            except msgspec.MsgspecError as error:
                found.append(f"{topic}.{version} {form} cannot be read: {error}")
    return found


def sample_of(cls: type[Event]) -> dict[str, Any]:
    """What is recorded of a class as it is now."""
    codec = Codec([cls])
    sample = {}
    version = getattr(cls, "class_version", 1)
    for form in ("whole", "short"):
        written = fields_of(cls, short=form == "short", without=_ENVELOPE)
        written |= {"class_version": version} if version > 1 else {}
        if "originator_topic" in written:
            written["originator_topic"] = cls.TOPIC.partition(".")[0].replace("-", "_")
        if written.get("fields"):  # what else is there
            written["fields"] = [name for name in written if name not in {"by", "patch", "fields"}]
        sample[form] = {"written": written, "reads": _read(codec, cls.TOPIC, written)}
    return sample


def main() -> None:
    """Record what is missing; what is there stays."""
    there = recorded()
    for cls in EVENTS:
        version = getattr(cls, "class_version", 1)
        if (cls.TOPIC, version) not in there:
            path = FOLDER / f"{cls.TOPIC}.{version}.json"
            path.write_text(json.dumps(sample_of(cls), indent=2, ensure_ascii=False) + "\n")
            print(f"recorded {path.name}")


def _named(path: Path) -> tuple[str, int]:
    topic, _, version = path.stem.rpartition(".")
    return topic, int(version)


def _read(codec: Codec, topic: str, written: Mapping[str, Any]) -> Any:
    state = json.dumps(written, ensure_ascii=False).encode()
    event: Any = codec.decode(topic, state, id=UUID(int=1), version=1, at=_AT)
    return {name: value for name, value in _document(event).items() if name not in _ENVELOPE}


def _document(value: Any) -> Any:
    """A value as JSON holds it, with the fields that only their defaults give."""
    if dataclasses.is_dataclass(value):
        return {field.name: _document(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: _document(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_document(part) for part in value]
    return msgspec.to_builtins(value)


def _differences(name: str, codec: Codec, topic: str, sample: Mapping[str, Any]) -> list[str]:
    read = _read(codec, topic, sample["written"])
    return [f"{name}: {line}" for line in _lacking(sample["reads"], read, "")]


def _lacking(wanted: Any, read: Any, at: str) -> list[str]:
    """Where ``read`` is not what is wanted; fields on top are no fault."""
    if isinstance(wanted, dict) and isinstance(read, dict):
        return [
            line
            for name, value in wanted.items()
            for line in (
                _lacking(value, read[name], f"{at}/{name}") if name in read else [f"{at}/{name} is lost"]
            )
        ]
    if isinstance(wanted, list) and isinstance(read, list) and len(wanted) == len(read):
        pairs = enumerate(zip(wanted, read, strict=True))
        return [line for place, pair in pairs for line in _lacking(*pair, f"{at}/{place}")]
    return [] if wanted == read and type(wanted) is type(read) else [f"{at} reads {read!r}, not {wanted!r}"]


if __name__ == "__main__":
    main()
