"""One of several processes that write at once, each writer on connections of its own.

    python -m tests.support.writers URL WORKSPACE STREAM WRITERS APPENDS SAME

WRITERS writers make APPENDS appends each of one to three events, as many more facts of the campaign STREAM (its
uuid), and SAME of them keep changing that one campaign. Prints as JSON what was acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

from adapters.engagement_log.log import PostgresFactLog
from application.ports import Caller, StaleVersion
from domain.engagement.fact import Fact
from domain.engagement.kinds import CLICK
from tests.examples.campaigns import ALICE, NOON
from tests.support.event_store import Place, Studio, studio


async def decide(writer: Studio, appends: int) -> int:
    """New campaigns of one to three events each; how many events were acknowledged."""
    events = 0
    for number in range(appends):
        campaign = writer.draft()
        if number % 3 > 0:
            campaign.launch(by=ALICE, at=NOON)
        if number % 3 > 1:
            campaign.pause(by=ALICE, at=NOON)
        events += campaign.version
        await writer.store.save(campaign, writer.asks())
    return events


async def track(log: PostgresFactLog, workspace: int, campaign: int, appends: int) -> int:
    """One to three facts at a time; how many were acknowledged."""
    facts = 0
    for number in range(appends):
        group = [Fact(str(uuid4()), CLICK, campaign) for _ in range(1 + number % 3)]
        await log.record(workspace, group)
        facts += len(group)
    return facts


async def change(writer: Studio, stream: UUID, appends: int) -> list[int]:
    """Keep changing one campaign that others change too; the versions that were acknowledged."""
    versions: list[int] = []
    while len(versions) < appends:
        campaign = await writer.load(stream)
        campaign.change({"name": f"Version {campaign.version + 1}"}, by=ALICE, at=NOON)
        try:
            versions.append((await writer.store.save(campaign, writer.asks())).version)
        except StaleVersion:
            continue
    return versions


async def main(url: str, workspace: int, stream: UUID, writers: int, appends: int, same: int) -> dict[str, Any]:
    """Write."""
    place = Place(url)
    caller = Caller(workspace, UUID(int=workspace), ALICE, "owner")
    ((campaign,),) = place.rows("select stream from ballyhoo.streams where id = %s", stream)
    async with AsyncExitStack() as stack:
        studios = [await stack.enter_async_context(studio(place, caller=caller)) for _ in range(writers)]
        logs = [PostgresFactLog(url) for _ in range(writers // 2)]
        for log in logs:
            await log.open()
            stack.push_async_callback(log.close)
        *told, _ = await asyncio.gather(
            *[decide(one, appends) for one in studios],
            *[track(logs[number % len(logs)], workspace, campaign, appends) for number in range(writers)],
            asyncio.sleep(0),
        )
        versions = await asyncio.gather(*[change(one, stream, appends) for one in studios[:same]])
    return {
        "events": sum(told[:writers]),
        "facts": sum(told[writers:]),
        "versions": [version for one in versions for version in one],
    }


if __name__ == "__main__":
    url, workspace, stream, *sizes = sys.argv[1:]
    print(json.dumps(asyncio.run(main(url, int(workspace), UUID(stream), *map(int, sizes)))))
