"""A network between a process and its database that can be told to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Cutting:
    """Passes bytes between clients and the database. What it does to them is told by three switches:

    ``lose_replies`` swallows what the database says and then cuts the client off; ``hold_requests`` keeps what
    clients say until ``release``, with the client cut off meanwhile; ``down`` lets nobody in.
    """

    def __init__(self, url: str) -> None:
        self._options = conninfo_to_dict(url)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._released = asyncio.Event()
        self.lose_replies = False
        self.hold_requests = False
        self.down = False
        self.cuts = 0

    @property
    def url(self) -> str:
        """The database's, through this network."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return make_conninfo("", **{**self._options, "host": "127.0.0.1", "port": port, "sslmode": "disable"})

    def cut(self) -> None:
        """Cut every connection that there is."""
        for writer in list(self._writers):
            writer.transport.abort()

    def release(self) -> None:
        """Deliver what was held."""
        self._released.set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Cut everything, and listen no more."""
        assert self._server is not None
        self._server.close()
        self.release()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        if self.down:
            writer.transport.abort()
            return
        host, port = str(self._options["host"]), self._options.get("port") or "5432"
        if host.startswith("/"):
            upstream = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            upstream = await asyncio.open_connection(host, int(str(port)))
        self._writers |= {writer, upstream[1]}
        with suppress(OSError):
            await asyncio.gather(self._requests(reader, upstream[1], writer), self._replies(upstream[0], writer))
        for one in (writer, upstream[1]):
            one.transport.abort()

    async def _requests(
        self, client: asyncio.StreamReader, database: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        while data := await client.read(1 << 16):
            if self.hold_requests:
                self.cuts += 1
                self.hold_requests = False
                back.transport.abort()
                await self._released.wait()
            database.write(data)
            await database.drain()
        if not self._released.is_set():
            database.write_eof()

    async def _replies(self, database: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await database.read(1 << 16):
            if self.lose_replies:
                self.cuts += 1
                self.lose_replies = False
                client.transport.abort()
                return
            with suppress(OSError):
                client.write(data)
                await client.drain()


@asynccontextmanager
async def cutting(url: str) -> AsyncIterator[Cutting]:
    """A network to the database at ``url``."""
    network = Cutting(url)
    await network.start()
    try:
        yield network
    finally:
        await network.stop()
