"""Which facts of a request are right, and what is wrong with the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from api.tracking import look
from api.tracking.refusals import MOST_FACTS, not_a_batch, not_json
from api.tracking.structure import check_depth, split
from api.tracking.wire import NO_PROPERTIES, SentFact, beside_facts, encode, fact_of, is_json, many, one
from application.ports import Clock
from application.ports_facts import CampaignRef, FactLog
from domain.engagement import rules
from domain.engagement.fact import Fact
from domain.shared.errors import Fault

Element = SentFact | bytes
"""A fact with the right types, or one as it was sent."""

_SLICE: Final = 25
"""Facts judged at one go: a large batch must not hold up the requests beside it."""
_DEPTH_OF_A_FACT_IN_A_BATCH: Final = 2


class Judged:
    """Right facts with their indexes in the request, and the entries of ``rejected`` in the answer."""

    __slots__ = ("facts", "indexes", "rejected")

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.indexes: list[int] = []
        self.rejected: list[dict[str, Any]] = []

    def accept(self, index: int, fact: Fact) -> None:
        """A right one."""
        self.indexes.append(index)
        self.facts.append(fact)

    def reject(self, index: int, id: str | None, faults: Sequence[Fault], prefix: str = "") -> None:
        """A wrong one; ``prefix`` leads to the fact in the body where the faults' pointers do not."""
        errors = [{"pointer": prefix + fault.pointer, "code": fault.code, "detail": fault.detail} for fault in faults]
        self.rejected.append({"index": index, "id": id, "errors": errors})


async def unread(body: bytes | bytearray) -> Element:
    """A single fact whose types are wrong, as it was sent. BodyRefused where it is too deep."""
    await check_depth(body)
    return bytes(body)


async def batch(body: bytes | bytearray) -> Sequence[Element]:
    """The facts of ``{"facts": [ … ]}``. BodyRefused where the body is anything else."""
    facts = many(body)
    if facts is not None:
        if not 1 <= len(facts) <= MOST_FACTS:
            raise not_a_batch()
        return facts
    raw = await split(body)
    if not raw:
        raise not_a_batch(beside_facts(body)) if is_json(body) else not_json("it is malformed")
    elements: list[Element] = []
    for index, element in enumerate(raw):
        if index % _SLICE == _SLICE - 1:
            await asyncio.sleep(0)
        elements.append(one(element) or element)
    return elements


class Judge:
    """Knows the campaigns and the time."""

    def __init__(self, log: FactLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    def at_once(self, workspace: int, sent: SentFact, suspect: bool) -> Fact | None:
        """A right fact of a campaign that was seen before; None where that takes a longer look."""
        campaign = self._log.known_campaign(workspace, sent.campaign_id)
        return None if campaign is None else fact_of(sent, campaign, self._clock.now() + rules.AHEAD, suspect)

    async def judge(self, workspace: int, elements: Sequence[Element], prefix: str, suspect: bool) -> Judged:
        """All facts of a request. ``prefix`` leads to them, ``/facts/``, and is empty for a single one.

        BodyRefused where a fact turns out to be no JSON or too deep; Unavailable.
        """
        campaigns = await self._campaigns(workspace, elements)
        now = self._clock.now()
        latest = now + rules.AHEAD
        judged = Judged()
        for index, element in enumerate(elements):
            if index % _SLICE == _SLICE - 1:
                await self._log.give_way(workspace)
            if isinstance(element, SentFact):
                campaign = campaigns.get(element.campaign_id)
                fact = None if campaign is None else fact_of(element, campaign, latest, suspect)
                if fact is None:
                    document = await _read_again(element, prefix)
                    harmless = campaign is not None and not look.faults(document, "", now, campaign)
                    fact = fact_of(element, campaign, latest, False) if campaign is not None and harmless else None
                if fact is not None:
                    judged.accept(index, fact)
                    continue
            else:
                document = look.document(element)
            pointer = f"{prefix}{index}" if prefix else ""
            faults = look.faults(document, pointer, now, campaigns.get(look.campaign_id(document) or ""))
            if not faults:
                faults = [Fault(pointer, "not_valid", "This fact is not valid.")]
            judged.reject(index, look.id_of(document), faults)
        return judged

    async def _campaigns(self, workspace: int, elements: Sequence[Element]) -> dict[str, CampaignRef]:
        named: set[str] = set()
        for index, element in enumerate(elements):
            if isinstance(element, SentFact):
                named.add(element.campaign_id)
                continue
            if index % _SLICE == _SLICE - 1:
                await self._log.give_way(workspace)
            # Read here and again where it is judged: to keep what a thousand hostile facts read as is too much.
            named.add(look.campaign_id(look.document(element)) or "")
        found: dict[str, CampaignRef] = {}
        unknown: list[str] = []
        for id in named:
            campaign = self._log.known_campaign(workspace, id)
            if campaign is not None:
                found[id] = campaign
            elif rules.UUID_TEXT.fullmatch(id):
                unknown.append(id)
        if unknown:
            found.update(await self._log.campaigns(workspace, unknown))
        return found


async def _read_again(sent: SentFact, prefix: str) -> Any:
    raw = encode(sent)
    if sent.properties is not NO_PROPERTIES:  # was skipped so far, however deep it is
        await check_depth(raw, _DEPTH_OF_A_FACT_IN_A_BATCH if prefix else 0)
    return look.document(raw)
