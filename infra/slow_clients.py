"""What uvicorn leaves open to a slow or endless client: deadlines for headers and bodies, a bound on both
counts.

Its protocol waits for ever for the end of a header and keeps what came so far. Here a header has ten seconds
and 64 KiB, a body two minutes; and a process that holds ``connections`` open turns the next away at once.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server, ServerState

HEADER_SECONDS = 10.0
HEADER_BYTES = 64 * 1024
BODY_SECONDS = 120.0

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with the time since which it waits for the rest of a header or a body."""

    connections_at_most = 2000

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.deadline: float | None = None
        self._in_header = True
        self._header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_header()
        if len(self.connections) > self.connections_at_most:
            transport.write(_BUSY)
            transport.close()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_header:
            self._header_bytes += len(data)
            if self._header_bytes > HEADER_BYTES and not self.transport.is_closing():
                self.send_400_response("The header is longer than 64 KiB.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_header()

    def on_headers_complete(self) -> None:
        self._in_header = False
        self.deadline = self.loop.time() + BODY_SECONDS
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.deadline = None

    def _await_header(self) -> None:
        self._in_header = True
        self._header_bytes = 0
        self.deadline = self.loop.time() + HEADER_SECONDS


def guarded(connections: int) -> type[GuardedProtocol]:
    """The protocol for a process that holds at most ``connections`` open."""

    class Bounded(GuardedProtocol):
        connections_at_most = connections

    return Bounded


def cut_the_late(server: Server) -> None:
    """Cut the connections whose deadline has passed; called every second, which costs a request nothing."""
    now = asyncio.get_running_loop().time()
    for connection in list(server.server_state.connections):
        if isinstance(connection, GuardedProtocol) and connection.deadline and connection.deadline < now:
            connection.transport.abort()
