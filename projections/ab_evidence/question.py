"""What is asked of the evidence, and the answer: counts of each arm at one position of the log.

Totals are read where nothing was changed on the way: rows whose number does not grow with the facts. Where shares were
changed, a winner was applied, or revenue is capped, the contacts' rows are read: linear in the campaign's contacts.
"""

# ruff: noqa: S608 (statements are put together from parts of our own, never from what a user sent)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from domain.ab_test.evidence import AllocationPhase, ArmEvidence, Evidence
from domain.ab_test.plan import GuardrailMetric
from domain.shared.position import Position

TRAFFIC_DAYS = 7
"""Days over which the present traffic is the average; it ends with the last day that had any."""


@dataclass(frozen=True)
class EvidenceQuestion:
    """Arms in the plan's order. ``phases`` are the shares that held, each from a time on, the first from ever;
    contacts first exposed at or after ``until`` are left out; one contact's revenue counts up to ``cap``."""

    variants: tuple[str, ...]
    phases: tuple[tuple[datetime, tuple[float, ...]], ...] = ()
    until: datetime | None = None
    cap: int | None = None

    @property
    def by_contact(self) -> bool:
        """Whether the contacts' rows have to be read."""
        return len(self.phases) > 1 or self.until is not None or self.cap is not None


_TOTALS = f"""
with head as materialized (
  select s.stream as campaign, (select min(high) from $schema.checkpoints where log = 'engagement') as engagement,
      (select position from ballyhoo.log_heads where log = 'events') as events
    from ballyhoo.streams s
   where s.workspace = %(workspace)s and s.id = %(id)s and s.kind = 'campaign'
)
select h.events, h.engagement,
    (select json_agg(t) from $schema.totals t where t.campaign = h.campaign and t.variant = any(%(variants)s)),
    (select coalesce(sum(c.contacts), 0) from $schema.crossings c
      where c.campaign = h.campaign
        and (select count(*) from unnest(c.variants) v where v = any(%(variants)s)) > 1)::bigint,
    (select json_agg(d) from (
       select day, sum(contacts) as contacts, sum(impressions) as impressions
         from $schema.days d
        where d.campaign = h.campaign and d.variant = any(%(variants)s)
          and day > (select max(day) from $schema.days l where l.campaign = h.campaign) - {TRAFFIC_DAYS}
        group by day) d),
    $by_contact
  from head h
"""

_BY_CONTACT = """
    (select json_agg(c) from (
       select variant, phase, count(*) as contacts, sum(did >> 1 & 1) as clicked, sum((did & 3 <> 0)::int) as engaged,
           sum(did >> 2 & 1) as converted, sum(did >> 3 & 1) as unsubscribed, sum(did >> 4 & 1) as complained,
           sum(did >> 5 & 1) as bounced, sum(did >> 6 & 1) as refunded, sum(worth) as contact_revenue,
           sum(worth * worth) as contact_squares
         from (select variant, did, width_bucket(exposed, %(changes)s::timestamptz[]) as phase,
                   least(revenue, %(cap)s) as worth
                 from $schema.contacts c
                where c.campaign = h.campaign and c.variant = any(%(variants)s)
                  and c.exposed < %(until)s::timestamptz) one
        group by variant, phase) c),
    (select count(distinct contact) from (
       select contact
         from $schema.contacts c
        where c.campaign = h.campaign and c.variant = any(%(variants)s) and c.exposed < %(until)s::timestamptz
        group by contact, width_bucket(exposed, %(changes)s::timestamptz[]) having count(*) > 1) several)
"""

_SUMS = ("contacts", "clicked", "engaged", "converted", "unsubscribed", "complained", "bounced", "refunded",
    "contact_revenue", "contact_squares")  # fmt: skip
_GUARDED = {
    GuardrailMetric.UNSUBSCRIBE: ("unsubscribed", "unsubscribes"),
    GuardrailMetric.COMPLAINT: ("complained", "complaints"),
    GuardrailMetric.BOUNCE: ("bounced", "bounces"),
    GuardrailMetric.REFUND: ("refunded", "refunds"),
}


def statement(question: EvidenceQuestion) -> tuple[str, dict[str, Any]]:
    """The statement, and its parameters but for ``workspace`` and ``id``."""
    text = _TOTALS.replace("$by_contact", _BY_CONTACT if question.by_contact else "null, null")
    parameters: dict[str, Any] = {"variants": list(question.variants)}
    if question.by_contact:
        parameters["changes"] = [at for at, _ in question.phases[1:]]
        parameters["until"] = "infinity" if question.until is None else question.until.isoformat()
        parameters["cap"] = question.cap
    return text, parameters


def answered(question: EvidenceQuestion, row: Sequence[Any], position: Position) -> Evidence:
    """The evidence of the statement's one row."""
    _, _, totals, crossed, days, by_contact, crossed_by_contact = row
    arms = {arm["variant"]: arm for arm in totals or ()}
    if question.by_contact:
        crossed = crossed_by_contact
        for variant in question.variants:
            mine = [sums for sums in by_contact or () if sums["variant"] == variant]
            arms[variant] = arms.get(variant, {}) | {name: sum(sums[name] for sums in mine) for name in _SUMS}
    found = tuple(_arm(variant, arms.get(variant, {})) for variant in question.variants)
    phases: tuple[AllocationPhase, ...] | None = ()
    contacts = any(arm.contacts for arm in found)
    if question.by_contact:
        phases = _phases(question, by_contact or ()) if contacts else None
    traffic = "contacts" if contacts else "impressions"
    return Evidence(found, crossed or 0, phases, _per_day(days or (), traffic), position)


def _arm(variant: str, sums: Mapping[str, Any]) -> ArmEvidence:
    counts = {
        name: int(sums.get(name, 0))
        for name in ("contacts", "clicked", "engaged", "converted", "impressions", "opens", "clicks", "conversions",
            "revenue", "contact_revenue")
    }  # fmt: skip
    place = 0 if counts["contacts"] else 1
    return ArmEvidence(
        variant=variant,
        contact_revenue_squares=int(sums.get("contact_squares", 0)),
        guarded={metric: int(sums.get(names[place], 0)) for metric, names in _GUARDED.items()},
        **counts,
    )


def _phases(question: EvidenceQuestion, by_contact: Sequence[Mapping[str, Any]]) -> tuple[AllocationPhase, ...]:
    """Contacts by the shares under which they were first exposed, phases without anybody left out."""
    counts = {(sums["variant"], sums["phase"]): int(sums["contacts"]) for sums in by_contact}
    phases = (
        AllocationPhase(shares, tuple(counts.get((variant, number), 0) for variant in question.variants))
        for number, (_, shares) in enumerate(question.phases)
    )
    return tuple(phase for phase in phases if any(phase.contacts))


def _per_day(days: Sequence[Mapping[str, Any]], unit: str) -> float | None:
    """The average of the last days that had any traffic: from the facts alone, whatever the clock says."""
    counted = {date.fromisoformat(day["day"]): int(day[unit]) for day in days if day[unit] > 0}
    if not counted:
        return None
    return sum(counted.values()) / ((max(counted) - min(counted)).days + 1)
