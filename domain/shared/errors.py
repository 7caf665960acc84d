"""Refusals: what is not so, in the sentence that the user reads.

A refusal's class docstring is its sentence; its class name gives the stable problem type
(``CampaignNotDraft`` → ``campaign-not-draft``). Four kinds exist, and ``api/errors.py`` maps each to a status.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one field: its JSON pointer, a stable code, and the mend in words."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """Something was refused."""

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        super().__init__(self.detail)

    @property
    def slug(self) -> str:
        """The last part of the problem's type, made from the class name."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", type(self).__name__).lower()


class NotFound(DomainError):
    """There is no such thing in this workspace."""


class Conflict(DomainError):
    """The present state does not allow this."""


class Forbidden(DomainError):
    """This key may not do that."""


class Invalid(DomainError):
    """The input is not valid."""

    def __init__(self, faults: list[Fault], detail: str | None = None) -> None:
        self.faults = faults
        super().__init__(detail or "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults))


class AlreadyExists(Conflict):
    """Something with this id already exists in this workspace."""

    def __init__(self, kind: str, id: object) -> None:
        self.kind = kind
        self.id = id
        super().__init__(f"A {kind} with the id {id} already exists in this workspace.")


class MoveNotAllowed(Conflict):
    """This move is not allowed in the present status."""

    def __init__(self, move: str, status: str, allowed: list[str]) -> None:
        self.move = move
        self.status = status
        self.allowed = allowed
        ways = ", ".join(allowed) if allowed else "nothing"
        super().__init__(f"{move} is not allowed while {status}; allowed: {ways}.")
