"""A steady load, in a process of its own: requests at their times, whether or not earlier ones were answered.

    python -m tests.bench.steady PORT FILE

FILE holds a pickled dict of lanes, by name: its requests, ready for the socket, and how many go out in a second. A
lane whose requests are used up is silent. Ends when its standard input does, and prints one line of JSON: for each
lane ``[when it was due, in seconds since 1970, seconds until it was answered, status, accepted]`` for each request.
Status 0 stands for no answer. How long a request takes counts from when it was due.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Lanes = Mapping[str, tuple[Sequence[bytes], float]]
Seen = list[tuple[float, float, int, int]]

_PATIENCE = 60.0


class Steady:
    """The connections of one load; a request that finds all of them busy opens another."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def lane(self, requests: Sequence[bytes], rate: float, over: asyncio.Event) -> Seen:
        """Send ``rate`` requests a second until ``over``; what became of each."""
        seen: Seen = []
        loop = asyncio.get_running_loop()
        began, since_1970 = loop.time(), time.time()
        asked = []
        for number, request in enumerate(requests):
            due = began + number / rate
            await asyncio.sleep(max(due - loop.time(), 0.0))
            if over.is_set():
                break
            asked.append(asyncio.create_task(self._ask(request, due, since_1970 - began, seen)))
        await asyncio.gather(*asked)
        return seen

    async def _ask(self, request: bytes, due: float, since_1970: float, seen: Seen) -> None:
        status = accepted = 0
        try:
            async with asyncio.timeout(_PATIENCE):
                status, body = await self._answered(request)
                accepted = json.loads(body).get("accepted", 0) if b'"accepted"' in body else 0
        except (OSError, EOFError, TimeoutError) as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        seen.append((due + since_1970, asyncio.get_running_loop().time() - due, status, accepted))

    async def _answered(self, request: bytes) -> tuple[int, bytes]:
        connection = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = connection
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        at = head.index(b"content-length: ") + 16
        body = await reader.readexactly(int(head[at : head.index(b"\r", at)]))
        self._idle.append(connection)
        return int(head[9:12]), body

    def close(self) -> None:
        """Close what is open."""
        for _, writer in self._idle:
            writer.close()


@contextmanager
def steady(port: int, lanes: Lanes) -> Iterator[dict[str, Seen]]:
    """Such a load runs while the block does; afterwards the dict holds what became of it."""
    seen: dict[str, Seen] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lanes"
        file.write_bytes(pickle.dumps(dict(lanes)))
        command = [sys.executable, "-m", "tests.bench.steady", str(port), str(file)]
        load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            yield seen
        finally:
            said, _ = load.communicate(timeout=2 * _PATIENCE)
        seen.update(json.loads(said))


async def _main(port: int, lanes: Lanes) -> dict[str, Seen]:
    over, load = asyncio.Event(), Steady(port)
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    ended.add_done_callback(lambda _: over.set())
    seen = await asyncio.gather(*[load.lane(requests, rate, over) for requests, rate in lanes.values()])
    await over.wait()
    load.close()
    return dict(zip(lanes, seen, strict=True))


if __name__ == "__main__":
    asked: Any = pickle.loads(Path(sys.argv[2]).read_bytes())  # our own, made a moment ago
    print(json.dumps(asyncio.run(_main(int(sys.argv[1]), asked))))
