"""The id of a request: the client's own where it sends a decent one, so that it can be found in the logs."""

from __future__ import annotations

import os
import re

HEADER = b"x-request-id"
_DECENT = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def request_id(sent: bytes | None) -> str:
    """The ``X-Request-Id`` that was sent, or a new one in its place."""
    if sent is not None and _DECENT.fullmatch(sent):
        return sent.decode()
    return os.urandom(16).hex()
