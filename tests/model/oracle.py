"""What the product should answer, in as little Python as possible: no time, no store, no HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

OPEN: dict[str, dict[str, str]] = {
    "draft": {"schedule": "scheduled", "launch": "active", "cancel": "cancelled", "archive": "archived"},
    "scheduled": {"schedule": "scheduled", "unschedule": "draft", "launch": "active", "cancel": "cancelled"},
    "active": {"pause": "paused", "complete": "completed", "cancel": "cancelled"},
    "paused": {"resume": "active", "complete": "completed", "cancel": "cancelled"},
    "completed": {"archive": "archived"},
    "cancelled": {"archive": "archived"},
    "archived": {"unarchive": "before"},
}
MOVES = (
    "schedule", "unschedule", "launch", "pause", "resume", "complete", "cancel", "archive", "unarchive", "delete",
    "restore",
)  # fmt: skip
MAY_DELETE = {"draft", "completed", "cancelled", "archived"}
LABELS = {"name", "tags"}
MAY_CHANGE = {
    "draft": LABELS | {"type", "platforms", "goals"},
    "scheduled": LABELS | {"platforms", "goals"},
    "active": LABELS | {"goals"},
    "paused": LABELS | {"goals"},
    "completed": LABELS,
    "cancelled": LABELS,
    "archived": set(),
}
DONE, REFUSED, STALE, UNKNOWN = 200, 409, 412, 404


@dataclass(frozen=True)
class Campaign:
    """How one campaign stands at one version."""

    settings: dict[str, Any]
    status: str = "draft"
    before: str = "draft"
    deleted: bool = False

    def moved(self, move: str) -> Campaign | None:
        """After a move; None where it is refused."""
        if move in ("delete", "restore"):
            allowed = self.deleted if move == "restore" else not self.deleted and self.status in MAY_DELETE
            return replace(self, deleted=move == "delete") if allowed else None
        to = None if self.deleted else OPEN[self.status].get(move)
        if to is None or (move == "launch" and not self.settings["platforms"]):
            return None
        return replace(self, status=self.before if to == "before" else to, before=self.status)

    def changed(self, patch: dict[str, Any]) -> Campaign | None:
        """After a merge patch of whole fields; None where a field is locked."""
        locked = {name for name in patch if patch[name] != self.settings[name]} - MAY_CHANGE[self.status]
        if self.deleted or locked or not MAY_CHANGE[self.status]:
            return None
        return replace(self, settings=self.settings | patch)


@dataclass
class Oracle:
    """A workspace: every version of every campaign, and the facts that count."""

    campaigns: dict[str, list[Campaign]] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: set[str] = field(default_factory=set)

    def decide(self, id: str, step: Callable[[Campaign], Campaign | None], if_match: int | None) -> set[int]:
        """The statuses that a command may answer; where it is accepted, the campaign has one version more."""
        if id not in self.campaigns:
            return {UNKNOWN}
        versions = self.campaigns[id]
        stale = if_match is not None and if_match != len(versions)
        after = step(versions[-1])
        if after is None:
            return {REFUSED, STALE} if stale else {REFUSED}
        if stale:
            return {STALE}
        versions.append(after)
        return {DONE}

    def take_in(self, facts: Iterable[dict[str, Any]]) -> tuple[int, int, list[int]]:
        """How many of a batch are accepted, how many duplicates, and the indexes of those refused."""
        accepted, duplicates, refused = 0, 0, []
        for index, fact in enumerate(facts):
            if fact["campaign_id"] not in self.campaigns:
                refused.append(index)
            elif fact["id"] in self.facts or fact.get("order_id") in self.orders:
                duplicates += 1
            else:
                accepted += 1
                self.facts[fact["id"]] = fact
                if "order_id" in fact:
                    self.orders.add(fact["order_id"])
        return accepted, duplicates, refused

    def counting(self, campaign: str, variant: str | None = None) -> list[dict[str, Any]]:
        """The facts of a campaign that nobody took back, of one variant where it is named."""
        own = [fact for fact in self.facts.values() if fact["campaign_id"] == campaign]
        voided = {fact["voids"] for fact in own if fact["kind"] == "void"}
        counted = [fact for fact in own if fact["kind"] != "void" and fact["id"] not in voided]
        return counted if variant is None else [fact for fact in counted if fact.get("variant") == variant]

    def funnel(self, campaign: str, stages: Iterable[str]) -> list[int]:
        """How many contacts came through each stage."""
        counted, counts = self.counting(campaign), []
        reached: set[str] | None = None
        for stage in stages:
            here = {fact["contact_id"] for fact in counted if fact["kind"] == stage and "contact_id" in fact}
            reached = here if reached is None else reached & here
            counts.append(len(reached))
        return counts


def measures(facts: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of some facts, as the metrics name them."""
    n, money = Counter[str](), Counter[str]()
    for fact in facts:
        n[fact["kind"]] += fact.get("quantity", 1)
        money[fact["kind"]] += fact.get("value", {}).get("amount", 0)
    net, spend = money["conversion"] - money["refund"], money["spend"]

    def contacts(*kinds: str) -> int:
        return len({fact["contact_id"] for fact in facts if fact["kind"] in kinds and "contact_id" in fact})

    return {
        "exposures": n["exposure"], "delivered": n["delivery"], "impressions": n["impression"], "clicks": n["click"],
        "conversions": n["conversion"], "revenue": money["conversion"], "refunds": money["refund"], "spend": spend,
        "reach": contacts("delivery", "impression"), "unique_clicks": contacts("click"),
        "unique_conversions": contacts("conversion"), "roas": net / spend if spend else None,
        "roi": (net - spend) / spend if spend else None,
    }  # fmt: skip
