"""What a campaign refuses, besides moves that its status does not allow."""

from __future__ import annotations

from domain.campaign.readiness import Readiness, Severity
from domain.shared.errors import Conflict, Fault


class CampaignNotReady(Conflict):
    """The campaign is not ready to be launched."""

    def __init__(self, readiness: Readiness) -> None:
        self.report = readiness.document()
        errors = [problem for problem in readiness.problems if problem.severity is Severity.ERROR]
        sentences = " ".join(f"{problem.pointer}: {problem.detail}" for problem in errors)
        super().__init__(f"The campaign is not ready to be launched. {sentences}")


class CampaignFieldLocked(Conflict):
    """The status of the campaign locks this field."""

    def __init__(self, faults: list[Fault], allowed: list[str]) -> None:
        self.faults = faults
        self.allowed = allowed
        super().__init__(" ".join(f"{fault.pointer}: {fault.detail}" for fault in faults))


class NothingDue(Conflict):
    """Nothing is due for this campaign now."""
