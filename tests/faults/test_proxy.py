"""The proxy does to a connection what it says, and else nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults import proxy as proxies
from tests.faults.proxy import Proxies, Proxy


@contextmanager
def shouting() -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers in capitals, and what it was told."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client, contextlib.suppress(ConnectionResetError):
                    while said := client.recv(1000):
                        heard.append(said)
                        client.sendall(said.upper())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def asked(proxy: Proxy, words: bytes) -> bytes:
    """What comes back through the proxy until the connection ends or the answer is whole."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(words)
        answer = b""
        while len(answer) < len(words):
            try:
                part = client.recv(1000)
            except ConnectionResetError:
                break
            if not part:
                break
            answer += part
        return answer


@pytest.mark.parametrize(
    ("toxic", "answer", "heard"),
    [
        (None, b"HELLO", [b"hello"]),
        ("delay", b"HELLO", [b"hello"]),
        ("cut replies", b"", [b"hello"]),
        ("cut requests", b"", []),
    ],
)
def test_it_cuts_where_it_says(
    toxic: str | None, answer: bytes, heard: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxies, "SHARE", 1.0)
    with shouting() as (port, told), Proxies() as some:
        proxy = some.proxy(port, seed=1)
        proxy.poison(toxic)

        assert asked(proxy, b"hello") == answer

    assert told == heard


def test_it_halves_what_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "SHARE", 1.0)
    with shouting() as (port, told), Proxies() as some:
        proxy = some.proxy(port, seed=1)
        proxy.poison("halve")

        assert asked(proxy, b"hello") == b""

    assert told in ([b"he"], [])


def test_a_reset_ends_what_is_open() -> None:
    with shouting() as (port, _), Proxies() as some:
        proxy = some.proxy(port, seed=1)
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
            client.sendall(b"a")
            assert client.recv(10) == b"A"
            proxy.poison("reset")

            with pytest.raises(ConnectionResetError):
                client.recv(10)
