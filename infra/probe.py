"""A port on which a process without HTTP of its own tells how it is, where ``BALLYHOO_HEALTH_PORT`` names one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from infra import bootstrap
from infra.settings import Settings


@contextmanager
def probed(settings: Settings, dsn: str) -> Iterator[None]:
    """Answer while the block runs, from a thread. OSError where the port is taken."""
    if settings.health_port is None:
        yield
        return
    with socket.create_server((settings.host, settings.health_port)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                bootstrap.build_probe(dsn), ws="none", lifespan="on", log_config=None, access_log=False,
                server_header=False, proxy_headers=False, timeout_graceful_shutdown=1,
            )
        )  # fmt: skip
        thread = threading.Thread(target=server.run, args=([listener],), name="health", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(5.0)
