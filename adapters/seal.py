"""Tokens and cursors: sealed with their workspace, so that they tell nothing and cannot be carried over."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from struct import Struct
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from application.ports import BadToken, Position

_POSITION = Struct("!16sqq")


class AesSeal:
    """Implements ``application.ports.Seal`` with AES-SIV (RFC 5297); the workspace is authenticated, not contained.

    The same content gives the same token, so that two answers about the same thing are the same to the byte.
    """

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESSIV(secret)

    def seal(self, workspace: int, position: Position) -> str:
        """An opaque token of letters, digits, ``-`` and ``_``."""
        content = _POSITION.pack(position.epoch.bytes, position.events, position.engagement)
        return self.seal_text(workspace, "position", content)

    def unseal(self, workspace: int, token: str) -> Position:
        """The position of a token. BadToken where it is broken or another workspace's."""
        epoch, events, engagement = _POSITION.unpack(self.unseal_text(workspace, "position", token))
        return Position(UUID(bytes=epoch), events, engagement)

    def seal_text(self, workspace: int, purpose: str, content: bytes) -> str:
        """Anything else that goes out and comes back, bound to what it is for."""
        sealed = self._cipher.encrypt(content, [f"{workspace}:{purpose}".encode()])
        return _written(sealed)

    def unseal_text(self, workspace: int, purpose: str, token: str) -> bytes:
        """What ``seal_text`` was given. BadToken."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            if _written(raw) != token:  # the decoder skips what is no letter of its alphabet
                raise BadToken
            return self._cipher.decrypt(raw, [f"{workspace}:{purpose}".encode()])
        except (InvalidTag, ValueError) as error:
            raise BadToken from error


def _written(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()
