"""Commands over HTTP against a FastAPI route on the same server that checks the same key and returns a constant.

    python -m tests.bench.bench_commands_http

Each request launches another draft: parsed, loaded from its stream, decided, appended, and answered with the whole
campaign after the commit. Once without and once with an Idempotency-Key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from uuid import UUID

import psycopg

from adapters.event_store.workspaces import make_key
from adapters.read_models.schemas import ensure_schemas
from application.ports import Caller
from tests.bench.app import DATABASE, TOKEN
from tests.bench.commands_app import CONSTANT
from tests.bench.harness import ROUNDS, SECONDS, Result, Sample, database, durability, interleaved, load, post, serving
from tests.support.event_store import Place, studio

CONNECTIONS = 64
MOST_A_SECOND = 4_000


def results() -> Iterator[Result]:
    """A row without and one with keys."""
    with database() as url:
        print(durability(url))
        with psycopg.connect(url, autocommit=True) as connection:
            ensure_schemas(connection)
            make_key(connection, "bench", "owner", TOKEN)
        drafts = asyncio.run(_drafts(url, int(2 * ROUNDS * SECONDS * MOST_A_SECOND)))
        with serving("tests.bench.commands_app", {DATABASE: url}) as port:
            for keyed in (False, True):
                yield _measured(port, url, drafts, keyed)


def _measured(port: int, url: str, drafts: Iterator[UUID], keyed: bool) -> Result:
    acknowledged = 0
    keys = count()

    def launches() -> Sample:
        nonlocal acknowledged
        requests = []
        for _ in range(int(SECONDS * MOST_A_SECOND)):
            path = f"/v1/campaigns/{next(drafts)}/launch"
            requests.append(post(path, b"", TOKEN, f"Idempotency-Key: launch-{next(keys)}" if keyed else None))
        seen = load(port, requests, connections=CONNECTIONS)
        acknowledged += int(seen["requests"])
        return Sample(seen["requests"] / seen["seconds"], seen["p50"], seen["p99"])

    def constants() -> Sample:
        seen = load(port, [post(CONSTANT, b"", TOKEN)], connections=CONNECTIONS, repeat=True)
        return Sample(seen["requests"] / seen["seconds"], seen["p50"], seen["p99"])

    before = _launched(url)
    samples, others = interleaved(launches, constants)
    stored = _launched(url) - before
    name = f"commands over HTTP, {CONNECTIONS} connections" + (", with keys" if keyed else "")
    return Result(
        name, "FastAPI constant", samples, others, "requests/s",
        f"{stored == acknowledged}, {acknowledged} acknowledged, {stored} stored", 0.17, 0.4,
    )  # fmt: skip


async def _drafts(url: str, many: int) -> Iterator[UUID]:
    place = Place(url)
    ((number, workspace),) = place.rows("select number, id from ballyhoo.workspaces")
    made: list[UUID] = []
    async with studio(place, caller=Caller(number, workspace, "key:bench", "owner")) as opened:
        for _ in range(many // CONNECTIONS + 1):
            drafts = [opened.draft() for _ in range(CONNECTIONS)]
            await asyncio.gather(*[opened.store.save(draft, opened.asks()) for draft in drafts])
            made += [draft.id for draft in drafts]
    return iter(made)


def _launched(url: str) -> int:
    ((found,),) = Place(url).rows("select count(*) from ballyhoo.events where topic = 'campaign.launched'")
    return int(found)


if __name__ == "__main__":
    for result in results():
        print(result)
