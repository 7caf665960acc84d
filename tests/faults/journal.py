"""What the clients sent and what they were answered: the account against which everything is held at the end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.support.oracle import Told


@dataclass(frozen=True)
class Promise:
    """A campaign that was scheduled, acknowledged: it launches and completes at its times, once."""

    workspace: int
    campaign: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Unwell:
    """An answer of 500 and more. ``at`` in seconds of the epoch; ``again`` is its Retry-After."""

    at: float
    status: int
    what: str
    again: str | None
    body: str


@dataclass
class Journal:
    """Written by any number of clients. Facts stand in the order in which their writer had them acknowledged."""

    facts: list[Told] = field(default_factory=list)
    commands: Counter[tuple[int, str]] = field(default_factory=Counter)
    promises: list[Promise] = field(default_factory=list)
    unwell: list[Unwell] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    crossed: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _exposures: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def acknowledged(self, facts: list[Told]) -> None:
        """A request with these facts was answered 200."""
        with self._lock:
            self.facts += facts
            for fact in facts:
                if fact.kind == "exposure":
                    self._exposures.setdefault((fact.workspace, fact.campaign), set()).add(fact.id)
            self.counts["facts acknowledged"] += len(facts)

    def accepted(self, workspace: int, campaign: str) -> None:
        """A command was answered 200 or 201: it made one event."""
        with self._lock:
            self.commands[workspace, campaign] += 1
            self.counts["commands acknowledged"] += 1

    def promised(self, promise: Promise) -> None:
        """A schedule was acknowledged."""
        with self._lock:
            self.promises.append(promise)
            self.counts["schedules acknowledged"] += 1

    def failed(self, status: int, what: str, again: str | None, body: str) -> None:
        """An answer of 500 and more came."""
        with self._lock:
            self.unwell.append(Unwell(time.time(), status, what, again, body))
            self.counts[f"answers {status}"] += 1

    def complain(self, name: str, sentence: str) -> None:
        """A client saw what must not be by the invariant of this name."""
        with self._lock:
            self.wrong.append((name, sentence))

    def saw_foreign(self, sentence: str) -> None:
        """An answer held what belongs to another workspace."""
        with self._lock:
            self.crossed.append(sentence)

    def count(self, what: str, many: int = 1) -> None:
        """Count something for the summary."""
        with self._lock:
            self.counts[what] += many

    def exposures(self, workspace: int, campaign: str) -> int:
        """How many exposures of a campaign were acknowledged so far (nothing takes one back)."""
        with self._lock:
            return len(self._exposures.get((workspace, campaign), ()))


def stored(told: list[Told]) -> set[tuple[int, str]]:
    """The ids that must be in the log for what was acknowledged: each once, without the second of an order."""
    ids: set[tuple[int, str]] = set()
    orders: set[tuple[int, str]] = set()
    for fact in told:
        if (fact.workspace, fact.id) in ids:
            continue
        if fact.kind == "conversion" and fact.order is not None:
            if (fact.workspace, fact.order) in orders:
                continue
            orders.add((fact.workspace, fact.order))
        ids.add((fact.workspace, fact.id))
    return ids


def written(fact: Told, currency: str = "USD") -> dict[str, Any]:
    """A fact as a client writes it."""
    written: dict[str, Any] = {
        "id": fact.id, "campaign_id": fact.campaign, "kind": fact.kind, "occurred_at": fact.occurred_at.isoformat(),
        "quantity": fact.quantity, "contact_id": fact.contact, "type": fact.type, "name": fact.name,
        "order_id": fact.order, "voids": fact.voids,
        **dict(zip(("variant", "platform", "segment", "device", "country", "link"), fact.labels, strict=True)),
    }  # fmt: skip
    if fact.kind == "spend":
        written["value"] = {"amount_micros": fact.amount, "currency": currency}
    elif fact.amount is not None:
        written["value"] = {"amount": fact.amount, "currency": currency}
    return {name: value for name, value in written.items() if value is not None}
