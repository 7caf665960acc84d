"""What facts name in many letters and the log keeps in few: campaigns, label sets, custom kinds, contacts."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from hashlib import sha256
from uuid import UUID

from adapters.engagement_log.cache import Cache
from adapters.engagement_log.questions import Questions
from adapters.postgres.pool import Pool
from application.ports_facts import CampaignRef
from domain.engagement.fact import Labels
from domain.engagement.rules import UUID_TEXT
from domain.shared.money import EXPONENTS

_CAMPAIGNS = """
select s.workspace, s.id, s.stream, s.currency
  from unnest(%s::int[], %s::uuid[]) w(workspace, id)
  join ballyhoo.streams s on s.workspace = w.workspace and s.id = w.id and s.kind = 'campaign'
"""
_LABEL_SETS = "select ballyhoo.intern_label_sets(%s, %s, %s, %s, %s, %s, %s, %s)"
_CUSTOM_KINDS = "select ballyhoo.intern_custom_kinds(%s, %s)"
_ERASURES = "select number, erasures from ballyhoo.workspaces where number = any(%s)"

CampaignKey = tuple[int, str]
LabelsKey = tuple[int, Labels]
KindKey = tuple[int, str]
ContactKey = tuple[int, int, str]
"""Workspace, its erasure counter, the client's id: what was erased is never looked up again."""


class Interning:
    """The caches of one process and the questions behind them."""

    def __init__(self, pool: Pool, *, most_contacts: int = 200_000, most_others: int = 50_000) -> None:
        self._pool = pool
        self.campaigns: Questions[CampaignKey, CampaignRef] = Questions(self._ask_campaigns, most_others)
        self.label_sets: Questions[LabelsKey, int] = Questions(self._ask_label_sets, most_others)
        self.kinds: Questions[KindKey, int] = Questions(self._ask_kinds, most_others)
        self.erasures: dict[int, int] = {}
        self.contacts: Cache[ContactKey, bytes] = Cache(most_contacts)
        self._unsaved: dict[ContactKey, bytes] = {}
        self._most_contacts = most_contacts

    async def count_erasures(self, workspaces: Collection[int]) -> None:
        """Read the erasure counters of workspaces anew. Unavailable."""
        counted = dict(await self._pool.rows(_ERASURES, (list(workspaces),)))
        self.erasures.update({workspace: counted.get(workspace, 0) for workspace in workspaces})

    def contact(self, key: ContactKey) -> tuple[bytes, bool]:
        """The uuid of a contact and whether the log has it; else one made here, the same for all until it has."""
        known = self.contacts.get(key)
        if known is not None:
            return known, True
        made = self._unsaved.get(key)
        if made is None:
            if len(self._unsaved) >= self._most_contacts:
                self._unsaved.clear()  # only means that two may be made for one contact: the log picks one
            made = self._unsaved[key] = UUID(bytes=os.urandom(16), version=4).bytes
        return made, False

    def saved(self, key: ContactKey, contact: bytes) -> None:
        """The log has this contact under this uuid."""
        self._unsaved.pop(key, None)
        self.contacts.put(key, contact)

    async def _ask_campaigns(self, keys: list[CampaignKey]) -> dict[CampaignKey, CampaignRef]:
        spelt = {key: UUID(key[1]) for key in keys if UUID_TEXT.fullmatch(key[1])}
        rows = await self._pool.rows(_CAMPAIGNS, ([key[0] for key in spelt], list(spelt.values())))
        found = {
            (workspace, id): CampaignRef(stream, currency, EXPONENTS[currency])
            for workspace, id, stream, currency in rows
        }
        return {key: found[key[0], id] for key, id in spelt.items() if (key[0], id) in found}

    async def _ask_label_sets(self, keys: list[LabelsKey]) -> dict[LabelsKey, int]:
        campaigns = [campaign for campaign, _ in keys]
        columns = [[labels[column] for _, labels in keys] for column in range(6)]
        digests = [digest(campaign, labels) for campaign, labels in keys]
        ((ids,),) = await self._pool.rows(_LABEL_SETS, (campaigns, digests, *columns))
        return dict(zip(keys, ids, strict=True))

    async def _ask_kinds(self, keys: list[KindKey]) -> dict[KindKey, int]:
        workspaces, names = [workspace for workspace, _ in keys], [name for _, name in keys]
        ((kinds,),) = await self._pool.rows(_CUSTOM_KINDS, (workspaces, names))
        return dict(zip(keys, kinds, strict=True))


def digest(campaign: int, labels: Iterable[str | None]) -> UUID:
    """16 bytes that stand for a label set of a campaign: NUL, which no label holds, stands between the labels."""
    text = "\0".join(label or "" for label in labels)
    return UUID(bytes=sha256(campaign.to_bytes(4, "big") + text.encode()).digest()[:16])
