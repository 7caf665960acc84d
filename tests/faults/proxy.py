"""A TCP proxy in front of a server, which can cut, halve, delay, hold and reset what passes through it.

What it does in a reply happens after the server did what it was asked: the reply of a commit is lost, not the commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

SHARE = 0.05
"""How many of the pieces that pass meet the fault, while there is one."""
_PIECE = 1 << 16
_CUT = {True: "cut replies", False: "cut requests"}
_RESET = struct.pack("ii", 1, 0)


class Proxies:
    """The thread in which any number of proxies run while the block does."""

    def __enter__(self) -> Self:
        self._proxies: list[Proxy] = []
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    def proxy(self, target: int | Path, *, seed: int) -> Proxy:
        """A proxy on a port of its own, before a port of 127.0.0.1 or a Unix socket."""
        proxy = Proxy(target, random.Random(seed))
        asyncio.run_coroutine_threadsafe(proxy.listen(), self.loop).result(10)
        self._proxies.append(proxy)
        return proxy

    async def _close(self) -> None:
        for proxy in self._proxies:
            proxy.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


class Proxy:
    """Passes everything on while ``toxic`` is None; ``done`` counts what it did to the others."""

    def __init__(self, target: int | Path, choose: random.Random) -> None:
        self.target = target
        self.done: Counter[str] = Counter()
        self.port = 0
        self._choose = choose
        self._toxic: str | None = None
        self._calm = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self) -> None:
        """Begin; ``port`` is where."""
        self._loop = asyncio.get_running_loop()
        self._calm.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listen no more. In the thread of the proxies."""
        self._server.close()

    def poison(self, toxic: str | None) -> None:
        """From now on do this to what passes (see ``schedule.TOXICS``); None heals. From any thread."""
        self._loop.call_soon_threadsafe(self._poison, toxic)

    def _poison(self, toxic: str | None) -> None:
        self._toxic = toxic
        if toxic == "hold":
            self._calm.clear()
        else:
            self._calm.set()
        if toxic == "reset":
            self.done["reset"] += len(self._open)
            for writer in list(self._open):
                _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, onward = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, onward}
        try:
            await asyncio.gather(self._pump(reader, onward, reply=False), self._pump(there, writer, reply=True))
        except (OSError, EOFError):
            pass
        finally:
            self._open -= {writer, onward}
            writer.transport.abort()
            onward.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, Path):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection("127.0.0.1", self.target)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, reply: bool) -> None:
        while piece := await reader.read(_PIECE):
            held = not self._calm.is_set()
            await self._calm.wait()
            if held:  # what was held this long is not delivered any more
                self.done["hold"] += 1
                raise EOFError
            if self._toxic == "delay":
                self.done["delay"] += 1
                await asyncio.sleep(self._choose.uniform(0.01, 0.2))
            elif self._toxic in ("halve", _CUT[reply]) and self._choose.random() < SHARE:
                self.done[self._toxic] += 1
                if self._toxic == "halve":
                    writer.write(piece[: len(piece) // 2])
                    await writer.drain()
                raise EOFError
            writer.write(piece)
            await writer.drain()
        raise EOFError


def _reset(writer: asyncio.StreamWriter) -> None:
    found = writer.get_extra_info("socket")
    if found is not None and found.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
