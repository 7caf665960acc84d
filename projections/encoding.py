"""Answers as JSON: decimal numbers stay numbers, times are UTC with microseconds."""

from __future__ import annotations

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(answer: Any) -> bytes:
    """The JSON of a row type, or of plain values that hold some."""
    return _encoder.encode(answer)
