"""The load: a process of its own that keeps connections busy with requests made beforehand.

    python -m tests.bench.load PORT CONNECTIONS SECONDS FILE [repeat]

FILE holds requests as a pickled list of bytes; each is sent once, or round and round with ``repeat``. Prints one
line of JSON: what was answered, how fast, and the bodies' sum of ``accepted``. Raw sockets and no client library:
the load must cost less than what it loads.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import cast

import uvloop


class Client(asyncio.Protocol):
    """One connection: a request, its answer, the next."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._buffer = b""
        self._wanted = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has the methods, not the class
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._wanted:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            at = self._buffer.index(b"content-length: ") + 16
            self._wanted = head + 4 + int(self._buffer[at : self._buffer.index(b"\r", at)])
        if len(self._buffer) < self._wanted:
            return
        self._run.answered(self._buffer, time.perf_counter() - self._sent)
        self._buffer, self._wanted = b"", 0
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self._run.left()

    def _next(self) -> None:
        request = self._run.next()
        if request is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)


class Run:
    """What all connections share."""

    def __init__(self, requests: Iterator[bytes], connections: int, seconds: float) -> None:
        self._requests = requests
        self._seconds = seconds
        self._open = connections
        self._started = time.perf_counter()
        self._times: list[float] = []
        self._last = self._started
        self._statuses: Counter[str] = Counter()
        self._accepted = 0
        self.over = asyncio.get_running_loop().create_future()

    def next(self) -> bytes | None:
        """The next request; None where the time is over or there is none left."""
        if time.perf_counter() - self._started >= self._seconds:
            return None
        return next(self._requests, None)

    def answered(self, answer: bytes, seconds: float) -> None:
        """Count an answer."""
        self._times.append(seconds)
        self._last = time.perf_counter()
        status = answer[9:12]
        if status == b"200":
            at = answer.find(b'"accepted":')
            if at >= 0:
                self._accepted += int(answer[at + 11 : answer.index(b",", at)])
        self._statuses[status.decode()] += 1

    def left(self) -> None:
        """A connection has closed."""
        self._open -= 1
        if not self._open:
            self.over.set_result(None)

    def report(self) -> dict[str, object]:
        """Everything as JSON."""
        times = sorted(self._times) or [0.0]
        return {
            "requests": len(self._times),
            "seconds": self._last - self._started,
            "p50": times[len(times) // 2] * 1000,
            "p99": times[len(times) * 99 // 100] * 1000,
            "statuses": dict(self._statuses),
            "accepted": self._accepted,
        }


async def main(port: int, connections: int, seconds: float, requests: list[bytes], repeat: bool) -> None:
    """Run the load and print what was seen."""
    run = Run(cycle(requests) if repeat else iter(requests), connections, seconds)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(run), "127.0.0.1", port)
    await run.over
    print(json.dumps(run.report()))


if __name__ == "__main__":
    port, connections, seconds, path, *rest = sys.argv[1:]
    made = pickle.loads(Path(path).read_bytes())
    uvloop.run(main(int(port), int(connections), float(seconds), made, bool(rest)))
