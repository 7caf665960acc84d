"""Facts become shares: every name is looked up, every row packed, before they wait for their group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from adapters.engagement_log import rows
from adapters.engagement_log.cache import Cache
from adapters.engagement_log.interning import Interning
from adapters.engagement_log.keys import Keys
from adapters.engagement_log.share import Share
from domain.engagement.fact import Fact, Labels
from domain.engagement.kinds import CONVERSION

_SLICE = 25
"""Facts packed at one go: a large batch must not hold up the requests beside it."""

Common = tuple[int, int | None, Labels | None, int, int, str | None]
"""Workspace, campaign, labels, kind, type, name."""


class Packer:
    """Packs the facts of any workspace; ``give_way`` is awaited every few of them. ``connected`` tells the secret of
    keys and the number of partitions."""

    def __init__(self, interning: Interning, give_way: Callable[[int], Awaitable[None]]) -> None:
        self._interning = interning
        self._give_way = give_way
        self._common: Cache[Common, bytes] = Cache(50_000)
        self._keys: dict[int, Keys] = {}
        self._secret = b""
        self._partitions = 1

    def connected(self, secret: bytes, partitions: int) -> None:
        """What the store says of itself, at each connection."""
        if secret != self._secret:
            self._keys.clear()
        self._secret, self._partitions = secret, partitions

    def at_once(self, workspace: int, facts: Sequence[Fact]) -> Share | None:
        """The facts, packed, where there are few and every name in them is known; else None."""
        erasures = self._interning.erasures.get(workspace)
        if erasures is None or len(facts) > _SLICE:
            return None
        known = self._common.get
        common = [known(_common(workspace, fact)) for fact in facts]
        if None in common:
            return None
        share = Share(workspace, facts, asyncio.get_running_loop().create_future())
        share.erasures = erasures
        self._pack(share, 0, common)
        return share

    async def share(self, workspace: int, facts: Sequence[Fact], *, awaited: bool = False) -> Share:
        """The facts, packed. Unavailable where a name must be asked for and the database does not answer.

        Where others wait for it, it is ``awaited`` and does not rest.
        """
        common: list[bytes | None] = []
        for start in range(0, len(facts), _SLICE):
            if start:
                await (asyncio.sleep(0) if awaited else self._give_way(workspace))
            common += [self._common.get(_common(workspace, fact)) for fact in facts[start : start + _SLICE]]
        if None in common:
            await self._ask(workspace, facts, common)
        erasures = self._interning.erasures
        if workspace not in erasures:
            await self._interning.count_erasures((workspace,))
        share = Share(workspace, facts, asyncio.get_running_loop().create_future())
        share.erasures = erasures[workspace]
        for start in range(0, len(facts), _SLICE):
            if start:
                await (asyncio.sleep(0) if awaited else self._give_way(workspace))
            self._pack(share, start, common[start : start + _SLICE])
        return share

    async def repack(self, shares: Sequence[Share]) -> None:
        """Pack again after an erasure: contacts that were looked up before it are no longer anybody's."""
        await self._interning.count_erasures({share.workspace for share in shares})
        for share in set(shares):
            if share.erasures != self._interning.erasures[share.workspace]:
                again = await self.share(share.workspace, share.facts, awaited=True)
                share.rows, share.contacts, share.erasures = again.rows, again.contacts, again.erasures

    async def _ask(self, workspace: int, facts: Sequence[Fact], common: list[bytes | None]) -> None:
        unknown = {_common(workspace, fact) for fact, found in zip(facts, common, strict=True) if found is None}
        label_sets = await self._interning.label_sets.answer(
            {(campaign, labels) for _, campaign, labels, *_ in unknown if campaign is not None and labels is not None}
        )
        kinds = await self._interning.kinds.answer({(workspace, key[5]) for key in unknown if key[5] is not None})
        packed: dict[Common, bytes] = {}
        for key in unknown:
            _, campaign, labels, kind, type, name = key
            number = None if campaign is None or labels is None else label_sets[campaign, labels]
            kind = kind if name is None else kinds[workspace, name]
            packed[key] = rows.common(workspace, campaign, number, kind, type)
            self._common.put(key, packed[key])
        for index, fact in enumerate(facts):
            if common[index] is None:
                common[index] = packed[_common(workspace, fact)]

    def _pack(self, share: Share, start: int, common: Sequence[bytes | None]) -> None:
        workspace, erasures = share.workspace, share.erasures
        assert erasures is not None
        keys = self._keys.get(workspace)
        if keys is None:
            keys = self._keys[workspace] = Keys(self._secret, workspace)
        partitions, interned = self._partitions, self._interning.contact
        facts = share.facts
        for index, shared in enumerate(common, start):
            assert shared is not None
            fact = facts[index]
            key = keys.of_id(fact.id)
            contact: bytes | None = None
            if fact.contact is not None:
                named = (workspace, erasures, fact.contact)
                contact, saved = interned(named)
                if not saved:
                    if share.contacts is None:
                        share.contacts = {}
                    share.contacts[index] = (named, contact)
            if fact.order_id is not None and fact.kind == CONVERSION:
                if share.orders is None:
                    share.orders = {}
                share.orders[index] = keys.of_order(fact.order_id)
            voids: bytes | None = None
            if fact.voids is not None:
                voids = keys.of_id(fact.voids)
                share.voids = True
            row = rows.row(fact, contact, voids, (contact or key)[-1] % partitions, shared)
            share.rows.append(row)
            share.keys.append(key)
            share.size += len(row)


def _common(workspace: int, fact: Fact) -> Common:
    return workspace, fact.campaign, fact.labels, fact.kind, fact.type, fact.name
