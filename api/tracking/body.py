"""Bodies of facts: at most 8 MiB unpacked, however they come, and never more of them at once than there is room.

A body is counted as it arrives, so one that is too large is refused before it is held. What is large waits for
room before it is read on: its client is slowed down by TCP instead of by our memory.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Final

from api.tracking.refusals import MOST_BYTES, BodyRefused, too_large

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_SMALL: Final = 64 << 10
_MIDDLE: Final = 1 << 20
_MOST_PACKED: Final = MOST_BYTES + _SMALL
"""What does not compress grows a little in gzip."""
_IDLE_SECONDS: Final = 10.0
_STEP: Final = 256 << 10


class Disconnected(Exception):
    """The client left before its body was whole."""


class Room:
    """Room for ``most`` bytes at once, of which one workspace may take half; who waits comes in its order, and one
    workspace does not wait behind another that has taken its half."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[int, int] = {}
        self._waiting: deque[tuple[int, int, asyncio.Future[None]]] = deque()

    async def enter(self, workspace: int, size: int) -> None:
        """Take ``size`` bytes, when there is room."""
        behind = any(waiting[0] == workspace for waiting in self._waiting)
        if not behind and self._fits(workspace, size):
            self._take(workspace, size)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((workspace, size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(workspace, size)
            raise

    def leave(self, workspace: int, size: int) -> None:
        """Give ``size`` bytes back, and let in who fits now."""
        self._taken[workspace] -= size
        if not self._taken[workspace]:
            del self._taken[workspace]
        still: deque[tuple[int, int, asyncio.Future[None]]] = deque()
        for waiting in self._waiting:
            workspace, size, turn = waiting
            if turn.done():
                continue
            if self._fits(workspace, size):
                self._take(workspace, size)
                turn.set_result(None)
            else:
                still.append(waiting)
        self._waiting = still

    def _fits(self, workspace: int, size: int) -> bool:
        held = self._taken.get(workspace, 0)
        return size <= self._most - sum(self._taken.values()) and held + size <= self._most // 2

    def _take(self, workspace: int, size: int) -> None:
        self._taken[workspace] = self._taken.get(workspace, 0) + size


class Rooms:
    """Room for bodies of up to 1 MiB, and for larger ones: apart, so that a body may move from one to the other
    while it holds the first."""

    def __init__(self) -> None:
        self.middle = Room(8 << 20)
        self.large = Room(2 * MOST_BYTES)


class Hold:
    """What one body holds of the rooms, until ``release``."""

    __slots__ = ("_room", "_rooms", "_size", "_workspace")

    def __init__(self, rooms: Rooms, workspace: int) -> None:
        self._rooms = rooms
        self._workspace = workspace
        self._room: Room | None = None
        self._size = 0

    async def reach(self, size: int, announced: int | None) -> None:
        """Wait for room for a body that has grown to ``size``: as much as it announced, else as much as it may
        become."""
        if size <= max(_SMALL, self._size):
            return
        wanted = announced or (_MIDDLE if size <= _MIDDLE else MOST_BYTES)
        room = self._rooms.middle if wanted <= _MIDDLE else self._rooms.large
        await room.enter(self._workspace, wanted)
        self.release()
        self._room, self._size = room, wanted

    def release(self) -> None:
        """Give back what is held."""
        if self._room is not None:
            self._room.leave(self._workspace, self._size)
            self._room, self._size = None, 0


def refuse_announced(length: int | None, packed: bool) -> None:
    """BodyRefused where a Content-Length is past the limit: before anything of the body is asked for."""
    if length is not None and length > (_MOST_PACKED if packed else MOST_BYTES):
        raise too_large()


async def read(
    receive: Receive, first: MutableMapping[str, Any], hold: Hold, announced: int | None, packed: bool
) -> bytes | bytearray:
    """The whole body, unpacked. ``first`` is the message that has come, ``announced`` its Content-Length.

    BodyRefused with 413 past the limit, 408 where nothing comes for ten seconds, 400 where gzip is broken;
    Disconnected.
    """
    if not packed and announced is not None:
        await hold.reach(announced, announced)
    body = bytearray()
    unpacking = Gunzip() if packed else None
    arrived = 0
    message = first
    while True:
        if message["type"] != "http.request":
            raise Disconnected
        chunk = message.get("body", b"")
        arrived += len(chunk)
        if arrived > _MOST_PACKED:
            raise too_large()
        for piece in (chunk,) if unpacking is None else unpacking.feed(chunk):
            if len(body) + len(piece) > MOST_BYTES:
                raise too_large()
            await hold.reach(len(body) + len(piece), None if packed else announced)
            body += piece
            if len(piece) == _STEP:
                await asyncio.sleep(0)
        if not message.get("more_body"):
            break
        message = await _next(receive)
    if unpacking is not None and not unpacking.whole:
        raise BodyRefused(400, "not-gzip", "The body is cut: its gzip stream does not end.")
    return body


async def _next(receive: Receive) -> MutableMapping[str, Any]:
    try:
        async with asyncio.timeout(_IDLE_SECONDS):
            return await receive()
    except TimeoutError as error:
        raise BodyRefused(408, "too-slow", f"Nothing came for {_IDLE_SECONDS:g} s.") from error


class Gunzip:
    """Unpacks gzip, members one after the other, in pieces that bound what a bomb can do."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(31)
        self.whole = False
        """Whether a member has just ended."""

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """What ``packed`` unpacks to, piece by piece. BodyRefused where it is not gzip."""
        try:
            while packed:
                if self._member.eof:
                    self._member = zlib.decompressobj(31)
                piece = self._member.decompress(packed, _STEP)
                self.whole = self._member.eof
                packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
                yield piece
            while not self._member.eof and (piece := self._member.decompress(b"", _STEP)):
                self.whole = self._member.eof
                yield piece
        except zlib.error as error:
            raise BodyRefused(400, "not-gzip", "The body is not gzip, as its Content-Encoding says.") from error
