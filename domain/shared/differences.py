"""What differs between two documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.shared.reading import step


def differences(before: Any, after: Any, pointer: str = "") -> Iterator[dict[str, Any]]:
    """Each difference as ``{"pointer", "from", "to"}``.

    Objects are compared member by member, all else as a whole; an absent member is null.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in (*before, *(name for name in after if name not in before)):
            yield from differences(before.get(name), after.get(name), step(pointer, name))
    elif before != after:
        yield {"pointer": pointer, "from": before, "to": after}
