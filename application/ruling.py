"""Putting in rules under which figures can be kept beside the live ones. Only owners may: all workspaces see them."""

from __future__ import annotations

import re
from typing import Any

from application.ports import Caller
from application.ports_rules import Rule, Rules
from application.rebuilding import insist_on_owner
from domain.shared.errors import Invalid
from domain.shared.reading import Value, document
from domain.shared.times import time_zones

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MOST_WORDS = 1000
_DEFINED_BY = {"bots": "words", "time_zone": "time_zone"}


class Ruling:
    """What owners may say about rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def add(self, caller: Caller, body: Any) -> Rule:
        """Put a rule in. OnlyOwners, Invalid, RuleExists."""
        insist_on_owner(caller)
        place = document(body)
        place.fields(("name", "kind", "definition"))
        name = place.field("name").required().text(64, shortest=1)
        if name is not None and not _NAME.fullmatch(name):
            place.field("name").fault("name", "A name has 1 to 64 letters, digits, dots, dashes and underscores.")
        kind = place.field("kind").required().text(64)
        if kind is not None and kind not in _DEFINED_BY:
            place.field("kind").fault("choice", f"Must be one of: {', '.join(_DEFINED_BY)}.")
        definition = _definition(place.field("definition").required(), kind)
        if place.faults:
            raise Invalid(place.faults)
        assert name is not None
        assert kind is not None
        rule = Rule(name, kind, definition)
        await self._rules.add(rule, caller.actor)
        return rule


def _definition(place: Value, kind: str | None) -> dict[str, Any]:
    if kind not in _DEFINED_BY or not place.fields((_DEFINED_BY[kind],)):
        return {}
    field = place.field(_DEFINED_BY[kind]).required()
    if kind == "time_zone":
        zone = field.text(64)
        if zone is not None and zone not in time_zones():
            field.fault("time_zone", "Must be a time zone of the IANA database, like Europe/Paris.")
        return {"time_zone": zone}
    words = [item.required().text(200, shortest=1) for item in field.items(_MOST_WORDS)]
    return {"words": sorted({word.lower() for word in words if word})}
