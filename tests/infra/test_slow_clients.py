"""Slow, endless and too many clients are let go; the others are answered meanwhile."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import pytest
import uvicorn

from infra import slow_clients
from infra.slow_clients import cut_the_late, guarded

WHOLE = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the whole body, then answers."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server with deadlines of half a second and three connections at most."""
    monkeypatch.setattr(slow_clients, "HEADER_SECONDS", 0.5)
    monkeypatch.setattr(slow_clients, "BODY_SECONDS", 0.5)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        answers, http=guarded(3), ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)

    async def sweep() -> None:
        while True:
            await asyncio.sleep(0.1)
            cut_the_late(server)

    serving = asyncio.create_task(server.serve([listener]))
    sweeping = asyncio.create_task(sweep())
    yield int(listener.getsockname()[1])
    sweeping.cancel()
    server.should_exit = True
    await serving


async def test_a_header_that_never_ends_is_cut(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(WHOLE[:20])

    assert await ends(reader) == b""
    writer.close()


async def test_a_connection_that_says_nothing_is_cut(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    assert await ends(reader) == b""
    writer.close()


async def test_a_body_that_never_ends_is_cut(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nabc")

    assert await ends(reader) == b""
    writer.close()


async def test_a_header_beyond_64_kib_is_refused(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(WHOLE[:-2] + b"X-Long: " + b"x" * 100_000)

    assert (await ends(reader)).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_one_connection_too_many_is_turned_away_at_once(port: int) -> None:
    waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    answer = await ends(reader)

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in answer
    for _, other in [*waiting, (reader, writer)]:
        other.close()


async def test_a_slow_but_honest_client_is_answered_again_and_again(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(WHOLE[:10])
        await asyncio.sleep(0.3)
        writer.write(WHOLE[10:])
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.3)
    writer.close()


async def ends(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server closes; nothing where it cuts the connection."""
    try:
        return await asyncio.wait_for(reader.read(), timeout=5)
    except ConnectionResetError:
        return b""
