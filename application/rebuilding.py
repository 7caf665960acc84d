"""Asking for read models to be made anew from history. Only owners may: it is everybody's tables."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from application.ports import Caller, Ids
from application.ports_jobs import Job, Jobs
from application.ports_rules import Rules
from domain.shared.errors import Fault, Forbidden, Invalid
from domain.shared.reading import document
from domain.workspace.roles import Role

MOST_WORKERS = 8


class OnlyOwners(Forbidden):
    """Only an owner's key may do that."""


def insist_on_owner(caller: Caller) -> None:
    """OnlyOwners."""
    if caller.role != Role.OWNER:
        raise OnlyOwners


class Rebuilding:
    """Rebuilds as jobs. ``names`` are the projections there are; ``under_rules`` those that can be kept under a
    rule."""

    def __init__(
        self, jobs: Jobs, ids: Ids, rules: Rules, names: Collection[str], under_rules: Collection[str]
    ) -> None:
        self._jobs, self._ids, self._rules = jobs, ids, rules
        self._names, self._under_rules = tuple(names), tuple(under_rules)

    async def ask(self, caller: Caller, body: Any, id: UUID | None = None) -> Job:
        """Queue a rebuild; with an ``id`` once, however often it is asked for.

        Invalid, OnlyOwners, RebuildRunning; NotFound for a rule that is not there.
        """
        insist_on_owner(caller)
        place = document(body)
        faults = place.faults
        place.fields(("projections", "rule", "workers", "back"))
        rule = place.field("rule").text(64, shortest=1)
        back = place.field("back").flag()
        if back and rule:
            place.field("back").fault("with_rule", "Tables under a rule have nothing to go back to; leave back out.")
        workers = place.field("workers").integer(1, MOST_WORKERS) or 1
        known = self._under_rules if rule else self._names
        names = [item.required().text(64) for item in place.field("projections").items(len(self._names) * 2)]
        for index, name in enumerate(names):
            if name is not None and name not in known:
                choices = ", ".join(known)
                faults.append(Fault(f"/projections/{index}", "choice", f"Must be one of: {choices}."))
        if faults:
            raise Invalid(faults)
        if rule:
            await self._rules.rule(rule)
        chosen = list(dict.fromkeys(name for name in names if name)) or list(known)
        request = {"projections": chosen, "rule": rule, "workers": workers, "back": bool(back)}
        locks = [f"{name}:{rule}" if rule else name for name in chosen]
        return await self._jobs.add_rebuild(caller.workspace, caller.actor, id or self._ids.new(), request, locks)

    async def job(self, caller: Caller, id: UUID) -> Job:
        """How a job is. NotFound."""
        return await self._jobs.job(caller.workspace, id)

    async def cancel(self, caller: Caller, id: UUID) -> Job:
        """Ask for its end. OnlyOwners, NotFound, JobFinished."""
        insist_on_owner(caller)
        return await self._jobs.cancel(caller.workspace, id)
