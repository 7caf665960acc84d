"""From the Authorization header to the caller: the only place where a workspace comes from."""

from __future__ import annotations

from typing import Protocol

from application.ports import Caller
from domain.shared.errors import DomainError


class Unauthenticated(DomainError):
    """Send a valid API key as `Authorization: Bearer <key>`."""


class Keys(Protocol):
    """Knows the API keys."""

    def known(self, key: str) -> Caller | None:
        """The caller of a key verified in the last seconds, without asking the database."""
        ...

    async def verify(self, key: str) -> Caller | None:
        """The caller of a key, or None where it was never made or was revoked."""
        ...


def bearer(authorization: str | None) -> str:
    """The token of an Authorization header. Unauthenticated where there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated
    return token.strip()


async def caller_of(keys: Keys, authorization: str | None) -> Caller:
    """Who asks. Unauthenticated where the key is missing or not valid."""
    token = bearer(authorization)
    caller = keys.known(token) or await keys.verify(token)
    if caller is None:
        raise Unauthenticated
    return caller
