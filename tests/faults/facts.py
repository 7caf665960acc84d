"""Facts of all kinds from a seed, as one writer tells them: repeated ones, voids and second orders among them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from tests.faults.canaries import CANARIES
from tests.support.oracle import Told

_KINDS = (
    "exposure", "exposure", "sent", "delivery", "delivery", "open", "open", "impression", "click", "click", "click",
    "conversion", "conversion", "spend", "refund", "bounce", "custom", "void", "void",
)  # fmt: skip
_BEGIN = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)


class Facts:
    """``name`` keeps the ids of one writer apart from those of the others in its workspace."""

    def __init__(self, workspace: int, campaigns: list[str], name: str, *, seed: int) -> None:
        self._workspace, self._campaigns = workspace, campaigns
        self._word = CANARIES[workspace]
        self._name = f"{self._word}-{name}"
        self._choose = random.Random(f"{seed} {name}")
        self._told: list[Told] = []
        self._number = 0

    def some(self, most: int) -> list[Told]:
        """The next one to ``most`` facts."""
        return [self._next() for _ in range(self._choose.randint(1, most))]

    def exposure(self) -> Told:
        """One exposure and nothing else."""
        return self._made("exposure", self._campaigns[0])

    def _next(self) -> Told:
        if self._told and self._choose.random() < 0.03:
            return self._choose.choice(self._told)
        told = self._made(self._choose.choice(_KINDS), self._choose.choice(self._campaigns))
        self._told.append(told)
        del self._told[:-500]
        return told

    def _made(self, kind: str, campaign: str) -> Told:
        choose = self._choose
        self._number += 1
        voids = choose.choice(self._told) if kind == "void" and self._told else None
        if voids is not None and voids.kind == "exposure":
            voids = None
        if kind == "void" and voids is None:
            kind = "click"
        contact = f"{self._word}-contact-{choose.randrange(2000)}" if choose.random() < 0.7 else None
        return Told(
            workspace=self._workspace,
            campaign=campaign if voids is None else voids.campaign,
            id=f"{self._name}-{self._number}",
            kind=kind,
            occurred_at=_BEGIN + timedelta(seconds=choose.randrange(3 * 86_400)),
            contact=contact,
            labels=(
                f"{self._word}-{choose.choice('ab')}", choose.choice(["email", "sms"]), None,
                choose.choice([None, "phone", "desktop"]), choose.choice(["FR", "NP"]), None,
            ),
            quantity=1 if contact or choose.random() < 0.8 else choose.randrange(1, 1000),
            amount=choose.randrange(1, 10**6) if kind in ("conversion", "refund", "spend") else None,
            type="purchase" if kind == "conversion" else None,
            name="basket.opened" if kind == "custom" else None,
            order=f"{self._name}-order-{choose.randrange(1 + self._number)}" if kind == "conversion" else None,
            voids=None if voids is None else voids.id,
        )  # fmt: skip
