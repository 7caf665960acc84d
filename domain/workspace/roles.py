"""What a key may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """An owner may do everything."""

    OWNER = "owner"
