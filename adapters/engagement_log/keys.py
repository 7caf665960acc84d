"""The 16-byte keys under which the log knows ids and order ids for ever.

An id that is a UUID keeps its order, so that time-ordered ids fall side by side in the index: with ten million
known ids that is the difference between a few per cent and half of the speed. Everything else is hashed. A mask
of the workspace, made from a secret of the store, keeps workspaces apart: nobody can make another's key.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

LENGTH: Final = b"\x00\x00\x00\x10"
"""How an array in PostgreSQL's binary format announces a uuid."""

_LENGTH: Final = 16 << 128
"""The same before the sixteen bytes of a number."""


class Keys:
    """Makes the keys of one workspace, each as an element of a binary uuid array: length and 16 bytes."""

    __slots__ = ("_ids", "_mask", "_orders")

    def __init__(self, secret: bytes, workspace: int) -> None:
        mask = sha256(secret + b"mask" + workspace.to_bytes(4, "big")).digest()
        self._mask = int.from_bytes(mask[:16], "big")
        self._ids = sha256(mask + b"i")
        self._orders = sha256(mask + b"o")

    def of_id(self, id: str) -> bytes:
        """The key of a fact's id. Only the usual lower-case spelling of a UUID counts as one: two spellings are
        two ids."""
        if len(id) == 36 and id[8:24:5] == "----":
            digits = id.replace("-", "")
            try:
                raw = bytes.fromhex(digits)
            except ValueError:
                return self._hashed(id)
            if raw.hex() == digits:
                return (int.from_bytes(raw, "big") ^ self._mask | _LENGTH).to_bytes(20, "big")
        return self._hashed(id)

    def of_order(self, order_id: str) -> bytes:
        """The key of an order id, which no id can have."""
        hashed = self._orders.copy()
        hashed.update(order_id.encode())
        return LENGTH + hashed.digest()[:16]

    def _hashed(self, id: str) -> bytes:
        hashed = self._ids.copy()
        hashed.update(id.encode())
        return LENGTH + hashed.digest()[:16]
