"""Opening a client of the library, so that nothing is left of one that could not be opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket

C = TypeVar("C")


class ClosingSocket(KafkaNetSocket):  # type: ignore[misc]
    """Connects as the library does without a proxy, and closes a socket that was refused: the library forgets it."""

    SCHEMES = ("direct",)

    async def sock_connect(self, net: Any, sock: Any, sockaddr: Any, timeout_at: float | None = None) -> Any:
        """The connected socket."""
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise


def opened(kind: Callable[..., C], **config: Any) -> C:
    """A producer, consumer or admin client. KafkaError where no broker answers.

    The library's constructors begin a thread and connections and then wait for the broker; where that fails they
    leave them behind, and a broker that is away for an hour would take all files of the process.
    """
    begun: list[KafkaNetClient] = []

    def begin(**settings: Any) -> KafkaNetClient:
        begun.append(KafkaNetClient(**settings))
        return begun[-1]

    try:
        return kind(**config, kafka_client=begin, proxy_url=f"{ClosingSocket.SCHEMES[0]}://")
    except BaseException:
        for client in begun:
            client.close()
        raise
