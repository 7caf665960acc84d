"""JSON merge patch (RFC 7396)."""

from __future__ import annotations

from typing import Any

from domain.shared.errors import Fault, Invalid
from domain.shared.reading import step

DEEPEST = 16


def merged(target: Any, patch: Any, pointer: str = "", depth: int = 0) -> Any:
    """``target`` after ``patch``: objects are merged, everything else is replaced.

    A null is kept instead of removing its member, for two reasons: every reader of ours takes null as absent,
    so that the result reads the same; and an unknown field is refused by name even where it is "removed".
    Raises Invalid where the patch is nested deeper than ``DEEPEST``.
    """
    if not isinstance(patch, dict):
        return patch
    if depth >= DEEPEST:
        raise Invalid([Fault(pointer, "too_deep", f"Nested deeper than {DEEPEST}.")])
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        result[name] = merged(result.get(name), value, step(pointer, name), depth + 1)
    return result
