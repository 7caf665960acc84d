"""Bodies as they arrive: counted, unpacked, and taken apart without being believed."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.tracking import body
from api.tracking.body import Disconnected, Gunzip, Hold, Room, Rooms, read, refuse_announced
from api.tracking.refusals import MOST_BYTES, BodyRefused
from api.tracking.structure import check_depth, split


def unpacked(packed: bytes, size: int) -> bytes:
    """What gunzip makes of a stream that arrives in chunks."""
    gunzip = Gunzip()
    found = b"".join(
        piece for start in range(0, len(packed), size) for piece in gunzip.feed(packed[start : start + size])
    )
    assert gunzip.whole
    return found


@settings(deadline=None)
@given(st.lists(st.binary(max_size=5_000), min_size=1, max_size=3), st.integers(1, 700), st.integers(0, 9))
def test_gzip_is_unpacked_however_it_is_cut(members: list[bytes], size: int, level: int) -> None:
    packed = b"".join(gzip.compress(member, level, mtime=0) for member in members)

    assert unpacked(packed, size) == b"".join(members)


def test_a_bomb_is_unpacked_step_by_step() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    tracemalloc.start()

    first = next(Gunzip().feed(bomb))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(first) <= 256 << 10
    assert peak < 2 << 20


@pytest.mark.parametrize(
    "broken",
    [b"no gzip at all", gzip.compress(b"x" * 99, mtime=0)[:-9] + bytes(9), gzip.compress(b"x", mtime=0) + b"yyyy"],
)
def test_what_is_no_gzip_is_refused(broken: bytes) -> None:
    with pytest.raises(BodyRefused, match="not gzip"):
        unpacked(broken, 1_000)


class Arriving:
    """A body that arrives in chunks, for as long as it is asked for."""

    def __init__(self, *chunks: bytes, ends: bool = True, leaves: bool = False) -> None:
        self._chunks = list(chunks)
        self._ends = ends
        self._leaves = leaves
        self.taken = 0

    async def __call__(self) -> MutableMapping[str, Any]:
        """The next chunk."""
        if self._leaves and self.taken:
            return {"type": "http.disconnect"}
        chunk = self._chunks[self.taken % len(self._chunks)]
        self.taken += 1
        return {"type": "http.request", "body": chunk, "more_body": not self._ends or self.taken < len(self._chunks)}

    async def read(self, *, announced: int | None = None, packed: bool = False) -> bytes | bytearray:
        """Read it whole."""
        hold = Hold(Rooms(), 1)
        try:
            return await read(self, await self(), hold, announced, packed)
        finally:
            hold.release()


async def test_a_body_is_put_together() -> None:
    assert await Arriving(b"ab", b"", b"cd").read() == b"abcd"


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    chunk = bytes(1 << 20)

    assert len(await Arriving(*[chunk] * 8).read(announced=MOST_BYTES)) == MOST_BYTES
    assert len(await Arriving(*[chunk] * 8).read()) == MOST_BYTES
    assert len(await Arriving(gzip.compress(bytes(MOST_BYTES))).read(packed=True)) == MOST_BYTES


def test_what_announces_too_much_is_refused_by_its_announcement() -> None:
    refuse_announced(None, False)
    refuse_announced(MOST_BYTES, False)
    refuse_announced(MOST_BYTES + 1, True)
    for length, packed in ((MOST_BYTES + 1, False), (MOST_BYTES * 2, True)):
        with pytest.raises(BodyRefused, match="at most"):
            refuse_announced(length, packed)


@pytest.mark.parametrize("packed", [False, True])
async def test_what_never_ends_is_read_up_to_the_limit(packed: bool) -> None:
    noise = zlib.compress(bytes(range(256)) * 256, 0, 31) if packed else bytes(65_536)
    arriving = Arriving(noise, ends=False)

    with pytest.raises(BodyRefused, match="at most"):
        await arriving.read(packed=packed)
    assert arriving.taken <= 130


async def test_a_bomb_is_refused_at_the_limit() -> None:
    with pytest.raises(BodyRefused, match="at most"):
        await Arriving(gzip.compress(bytes(MOST_BYTES + 1))).read(packed=True)


async def test_a_cut_stream_is_refused() -> None:
    with pytest.raises(BodyRefused, match="cut"):
        await Arriving(gzip.compress(b"x" * 1_000, mtime=0)[:-4]).read(packed=True)


async def test_a_client_that_leaves_is_let_go() -> None:
    with pytest.raises(Disconnected):
        await Arriving(b"{", ends=False, leaves=True).read()


async def test_a_client_that_stalls_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_IDLE_SECONDS", 0.05)

    async def stalling() -> MutableMapping[str, Any]:
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(BodyRefused, match="Nothing came") as refused:
        await read(stalling, {"type": "http.request", "body": b"{", "more_body": True}, Hold(Rooms(), 1), None, False)
    assert refused.value.status == 408


async def test_room_is_shared_in_order_and_by_workspaces() -> None:
    room = Room(100)
    seen: list[str] = []

    async def use(name: str, workspace: int, size: int) -> None:
        await room.enter(workspace, size)
        seen.append(f"+{name}")
        await asyncio.sleep(0.01)
        seen.append(f"-{name}")
        room.leave(workspace, size)

    await asyncio.gather(use("a", 1, 50), use("b", 1, 50), use("c", 2, 50), use("d", 2, 50))

    assert seen[:2] == ["+a", "+c"]
    assert seen.index("-a") < seen.index("+b")
    assert seen.index("-c") < seen.index("+d")


async def test_who_gives_up_waiting_leaves_no_hole() -> None:
    room = Room(100)
    await room.enter(1, 50)
    waiting = asyncio.create_task(room.enter(1, 50))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    room.leave(1, 50)

    async with asyncio.timeout(1):
        await room.enter(1, 50)
        await room.enter(2, 50)


async def test_large_bodies_wait_for_each_other() -> None:
    rooms = Rooms()
    inside = most = 0

    async def hold_one(workspace: int) -> None:
        nonlocal inside, most
        hold = Hold(rooms, workspace)
        await hold.reach(100_000, None)
        await hold.reach(2 << 20, None)
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.001)
        inside -= 1
        hold.release()

    await asyncio.gather(*(hold_one(n % 4) for n in range(16)))

    assert most == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@settings(deadline=None)
@given(st.lists(JSON, max_size=8), st.sampled_from([None, 2]), st.booleans())
def test_the_elements_of_a_batch_are_found_as_they_were_sent(facts: list[Any], indent: int | None, ascii: bool) -> None:
    body = json.dumps({"facts": facts}, indent=indent, ensure_ascii=ascii).encode()

    found = asyncio.run(split(body))

    assert found is not None
    assert [json.loads(element) for element in found] == facts


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"facts":[],"a":1}', b'{"a":1,"facts":[]}', b'{"facts":[]}x', b"", b'"facts"']
)
def test_another_shape_has_no_elements(body: bytes) -> None:
    assert asyncio.run(split(body)) is None


@given(JSON, st.integers(0, 3))
def test_depth_is_what_it_is(value: Any, outside: int) -> None:
    def depth(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return (1 if isinstance(value, dict | list) else 0) + max(map(depth, inner), default=0)

    for levels in (15, 16, 17):
        wrapped = (
            b"[" * (levels - depth(value) - outside)
            + json.dumps(value).encode()
            + b"]" * (levels - depth(value) - outside)
        )
        if levels <= 16:
            asyncio.run(check_depth(wrapped, outside))
        else:
            with pytest.raises(BodyRefused, match="nested"):
                asyncio.run(check_depth(wrapped, outside))


async def test_a_hostile_body_lets_others_in_while_it_is_taken_apart() -> None:
    hostile = b'{"facts":[[' + b"[{},[]]," * 200_000
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - started)

    watching = asyncio.create_task(watch())
    with pytest.raises(BodyRefused, match="cut"):
        await split(hostile)
    watching.cancel()

    assert longest < 0.2
