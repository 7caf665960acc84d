"""What each process does from its start to its end. All of them stop on SIGTERM and ctrl-C, cleanly.

A process that fails ends with a traceback in its log and a status other than 0: whoever started it starts it
again.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import threading

import uvicorn

from adapters.postgres.heartbeat import Heartbeat
from infra import bootstrap
from infra.probe import probed
from infra.settings import Settings
from infra.slow_clients import cut_the_late, guarded


def run_api(settings: Settings, dsn: str, listener: socket.socket | None = None) -> None:
    """Answer HTTP on ``settings.host`` and ``settings.port``, or on a socket that listens already."""
    _open_files_at_most(settings.connections + 256)
    with Heartbeat(dsn, "api"):
        _server(settings, dsn).run([listener] if listener else None)


def run_projector(settings: Settings, dsn: str) -> None:
    """Keep the read models up to the logs."""
    with probed(settings, dsn):
        bootstrap.build_projector(settings, dsn).run(_told_to_stop())


def run_relay(settings: Settings, dsn: str) -> None:
    """Hand what the logs hold on to Kafka."""
    relay = bootstrap.build_relay(settings, dsn)
    with probed(settings, dsn):
        relay.run(_told_to_stop())


def run_worker(settings: Settings, dsn: str) -> None:
    """Do what is due."""
    with Heartbeat(dsn, "worker"), probed(settings, dsn):
        asyncio.run(_until_stopped(settings, dsn))


async def _until_stopped(settings: Settings, dsn: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await bootstrap.run_worker(settings, dsn, stop)


def _told_to_stop() -> threading.Event:
    """Set by SIGTERM and ctrl-C. From a thread of its own: a handler runs in the main thread, which may just hold the
    event's lock because it waits for it, and would wait for itself for ever."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=stop.set).start())
    return stop


def _server(settings: Settings, dsn: str) -> uvicorn.Server:
    async def every_second() -> None:
        cut_the_late(server)

    server = uvicorn.Server(
        uvicorn.Config(
            bootstrap.build_api(settings, dsn),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=guarded(settings.connections),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
            callback_notify=every_second,
            timeout_notify=1,
        )
    )
    return server


def _open_files_at_most(wanted: int) -> None:
    """Raise the soft limit of open files, as far as the hard one lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
