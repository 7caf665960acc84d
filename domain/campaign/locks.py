"""Which changes the status of a campaign locks."""

from __future__ import annotations

from typing import Any

from domain.campaign.moves import BUDGET_ONLY_UPWARDS, MAY_CHANGE
from domain.campaign.schedule import FIELDS as SCHEDULE_FIELDS
from domain.campaign.settings import Settings, changed_fields
from domain.campaign.words import Status
from domain.shared.errors import Fault
from domain.shared.money import Money


def fault_of_currency(settings: Settings, patch: dict[str, Any]) -> list[Fault]:
    """The currency is fixed at creation: a patch may repeat it, not change it."""
    if patch.get("currency", settings.currency) == settings.currency:
        return []
    return [Fault("/currency", "locked", "The currency is fixed at creation.")]


def locked_fields(status: Status, before: Settings, after: Settings) -> list[Fault]:
    """A fault for each change that this status does not allow. Repeating a value is no change."""
    faults = [
        Fault(pointer, "locked", f"Can't be changed while the campaign is {status}.")
        for pointer in _changed_pointers(before, after)
        if pointer not in MAY_CHANGE[status]
    ]
    if status in BUDGET_ONLY_UPWARDS and _amount(after.budget) < _amount(before.budget):
        faults.append(Fault("/budget", "only_upwards", f"Can only be raised while the campaign is {status}."))
    return faults


def _changed_pointers(before: Settings, after: Settings) -> list[str]:
    pointers = []
    for name in changed_fields(before, after):
        if name == "schedule":
            old, new = before.schedule, after.schedule
            pointers += [
                f"/schedule/{part}" for part in SCHEDULE_FIELDS if getattr(old, part) != getattr(new, part)
            ]
        else:
            pointers.append(f"/{name}")
    return pointers


def _amount(budget: Money | None) -> int:
    return 0 if budget is None else budget.amount
