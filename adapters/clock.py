"""The system's clock, and fresh ids."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


class SystemClock:
    """Implements ``application.ports.Clock``."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)


class UuidSevenIds:
    """Implements ``application.ports.Ids``: ids that rise with time, so that keys stay in order."""

    def new(self) -> UUID:
        """A fresh UUIDv7."""
        return uuid7()
