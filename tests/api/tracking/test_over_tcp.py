"""Tracking as a process of the product answers it over TCP: limits, memory, and hostile clients beside good ones."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psutil
import psycopg
import pytest

from tests.support.server import Api, Product, product

MIB = 1 << 20
LIMIT = 8 * MIB
RSS_AT_MOST = 128 * MIB


@dataclass(frozen=True)
class Place:
    """A process of the product, a workspace of it, and a campaign there."""

    product: Product
    api: Api
    key: str
    campaign: str

    def fact(self, **changes: Any) -> dict[str, Any]:
        """A click with an id of its own."""
        return {"id": str(uuid4()), "kind": "click", "campaign_id": self.campaign, **changes}

    def stored(self, ids: set[str]) -> set[str]:
        """Which of these ids the log has."""
        with psycopg.connect(self.product.dsn) as connection:
            rows = connection.execute("select id from ballyhoo.facts where id = any(%s)", (list(ids),))
            return {row[0] for row in rows}


@pytest.fixture(scope="module")
def place(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The place that these tests share."""
    with product(database_url, tmp_path_factory.mktemp("tracking")) as started:
        yield placed(started)


class Wire:
    """One connection, byte by byte."""

    def __init__(self, place: Place) -> None:
        port = int(place.api.url.rpartition(":")[2])
        self.socket = socket.create_connection(("127.0.0.1", port), 120)
        self._key = place.key

    def head(self, path: str, *lines: str) -> None:
        """Send the beginning of a request."""
        wanted = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {self._key}", *lines, "", ""]
        self.socket.sendall("\r\n".join(wanted).encode())

    def answer(self) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._more()
        return int(head.split()[1]), json.loads(body)

    def _more(self) -> bytes:
        data = self.socket.recv(65_536)
        assert data, "the connection was closed"
        return data

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def post(place: Place, path: str, body: bytes, *lines: str) -> tuple[int, dict[str, Any]]:
    """A request with a Content-Length. The answer may come before the body is sent."""
    with Wire(place) as wire:
        wire.head(path, f"Content-Length: {len(body)}", *lines)
        sending = threading.Thread(target=_send, args=(wire.socket, [body]))
        sending.start()
        answer = wire.answer()
        wire.socket.shutdown(socket.SHUT_RDWR)
        sending.join()
        return answer


def post_chunks(place: Place, path: str, chunks: Iterator[bytes], *lines: str) -> tuple[int, dict[str, Any]]:
    """A request in chunks."""
    with Wire(place) as wire:
        wire.head(path, "Transfer-Encoding: chunked", *lines)
        framed = (b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        sending = threading.Thread(target=_send, args=(wire.socket, framed))
        sending.start()
        answer = wire.answer()
        wire.socket.shutdown(socket.SHUT_RDWR)
        sending.join()
        return answer


def _send(to: socket.socket, pieces: Any) -> None:
    try:
        for piece in pieces:
            to.sendall(piece)
    except OSError:
        pass  # answered before all was sent


def a_batch(place: Place, count: int, size: int = 0) -> tuple[bytes, set[str]]:
    """A batch of right facts, each with so many bytes of properties; and their ids."""
    facts = [place.fact(properties={"a": "x" * size}) for _ in range(count)]
    return json.dumps({"facts": facts}).encode(), {fact["id"] for fact in facts}


@pytest.mark.parametrize("way", ["whole", "chunked", "gzip", "gzip in chunks"])
def test_a_batch_is_taken_whichever_way_it_comes(place: Place, way: str) -> None:
    body, ids = a_batch(place, 300)
    packed = gzip.compress(body)

    match way:
        case "whole":
            status, answer = post(place, "/v1/track/batch", body)
        case "chunked":
            pieces = iter([*(body[n : n + 999] for n in range(0, len(body), 999)), b""])
            status, answer = post_chunks(place, "/v1/track/batch", pieces)
        case "gzip":
            status, answer = post(place, "/v1/track/batch", packed, "Content-Encoding: gzip")
        case _:
            pieces = iter([*(packed[n : n + 99] for n in range(0, len(packed), 99)), b""])
            status, answer = post_chunks(place, "/v1/track/batch", pieces, "Content-Encoding: gzip")

    assert (status, answer["accepted"]) == (200, 300)
    assert place.stored(ids) == ids


def endless() -> Iterator[bytes]:
    """Chunks for as long as somebody takes them; far past any limit."""
    for _ in range(2_000):
        yield b" " * 65_536


TOO_LARGE = {
    "announced": lambda place: post(place, "/v1/track/batch", b" " * (LIMIT + 1)),
    "600 MB announced": lambda place: _announce(place, 600_000_000),
    "endless chunks": lambda place: post_chunks(place, "/v1/track/batch", endless()),
    "a bomb": lambda place: post(place, "/v1/track/batch", gzip.compress(b" " * (400 * MIB)), "Content-Encoding: gzip"),
    "endless gzip": lambda place: post_chunks(place, "/v1/track/batch", _endless_gzip(), "Content-Encoding: gzip"),
    "a large single fact": lambda place: post(place, "/v1/track", b" " * (LIMIT + 1)),
}


def _announce(place: Place, size: int) -> tuple[int, dict[str, Any]]:
    with Wire(place) as wire:
        wire.head("/v1/track", f"Content-Length: {size}")
        return wire.answer()


def _endless_gzip() -> Iterator[bytes]:
    packing = zlib.compressobj(0, wbits=31)
    for _ in range(2_000):
        yield packing.compress(b" " * 65_536) or packing.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize("way", TOO_LARGE)
def test_what_is_too_large_is_refused_while_it_comes(place: Place, way: str) -> None:
    status, answer = TOO_LARGE[way](place)

    assert (status, answer["type"]) == (413, "/problems/too-large")


def test_a_body_of_exactly_the_limit_is_read(place: Place) -> None:
    body, ids = a_batch(place, 1_000, 3_000)
    body += b" " * (LIMIT - len(body))

    status, answer = post(place, "/v1/track/batch", body)

    assert (status, answer["accepted"]) == (200, 1_000)
    assert place.stored(ids) == ids


def hostile_bodies(place: Place) -> dict[str, tuple[bytes, tuple[str, ...]]]:
    """Bodies as large as may be that try to become far larger."""
    right, _ = a_batch(place, 1_000, 4_000)
    small = json.dumps(place.fact()).encode()
    return {
        "right facts": (right + b" " * (LIMIT - len(right)), ()),
        "empty objects": (b'{"facts":[' + b"{}," * ((LIMIT - 20) // 3) + b"{}]}", ()),
        "small right facts": (b'{"facts":[' + (small + b",") * ((LIMIT - 400) // (len(small) + 1)) + small + b"]}", ()),
        "lists in a fact": (b'{"facts":[{"a":[' + b"[],[]," * 500_000 + b"[]]}]}", ()),
        "properties": (
            b'{"facts":['
            + small[:-1]
            + b', "properties":{'
            + b",".join(b'"%d":1' % n for n in range(700_000))
            + b"}}]}",
            (),
        ),
        "brackets": (b'{"facts":' + b"[" * (LIMIT - 10), ()),
        "a string": (b'{"facts":["' + b"x" * (LIMIT - 20) + b'"]}', ()),
        "escapes": (b'{"facts":[{"id":"' + b"\\u00e9" * ((LIMIT - 40) // 6) + b'"}]}', ()),
        "unknown names": (
            b'{"facts":['
            + b",".join(b"{%b}" % b",".join(b'"%d":0' % n for n in range(900)) for _ in range(400))
            + b"]}",
            (),
        ),
        "a bomb": (gzip.compress(b'{"facts":[' + b"[" * (400 * MIB)), ("Content-Encoding: gzip",)),
        "gzipped facts": (gzip.compress(right + b" " * (LIMIT - len(right))), ("Content-Encoding: gzip",)),
    }


class Watched:
    """The most memory that a process holds while the context lasts, above what it held when it was fresh."""

    def __init__(self, place: Place) -> None:
        self._process = psutil.Process(place.api.pid)
        self._fresh = self._process.memory_info().rss
        self._over = threading.Event()
        self.grown = 0

    def __enter__(self) -> Watched:
        self._over.clear()
        self.grown = 0
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._over.wait(0.003):
            self.grown = max(self.grown, self._process.memory_info().rss - self._fresh)


def test_eight_large_bodies_at_once_need_little_memory(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """All kinds one after the other in one process: what one leaves behind counts for the next."""
    with product(database_url, tmp_path_factory.mktemp("memory")) as started:
        place = placed(started)
        assert post(place, "/v1/track", json.dumps(place.fact()).encode())[0] == 200
        watched = Watched(place)
        seen = {}
        for name, (body, lines) in hostile_bodies(place).items():
            with watched, ThreadPoolExecutor(8) as eight:
                asked = [eight.submit(post, place, "/v1/track/batch", body, *lines) for _ in range(8)]
                answers = [answer.result() for answer in asked]
            seen[name] = (watched.grown, sorted({status for status, _ in answers}))
        for name, (grown, statuses) in seen.items():
            print(f"{name}: {grown / MIB:.0f} MiB, {statuses}")

    assert max(grown for grown, _ in seen.values()) <= RSS_AT_MOST
    assert {status for _, statuses in seen.values() for status in statuses} <= {200, 400, 413, 422}
    assert [seen[name][1] for name in ("right facts", "gzipped facts", "a bomb")] == [[200], [200], [413]]


def test_a_slow_client_holds_nobody_up(place: Place) -> None:
    body, _ = a_batch(place, 300)
    with Wire(place) as slow:
        slow.head("/v1/track/batch", f"Content-Length: {LIMIT}")
        slow.socket.sendall(b" " * MIB)
        times = []
        for _ in range(20):
            started = time.perf_counter()
            assert post(place, "/v1/track/batch", body)[0] == 200
            times.append(time.perf_counter() - started)

    assert sorted(times)[10] < 1


def placed(started: Product) -> Place:
    """A process, a workspace and a campaign."""
    api, campaign, name = started.api(), uuid4(), f"workspace-{uuid4()}"
    key = started.key(name)
    with psycopg.connect(started.dsn) as connection:
        connection.execute(
            "insert into ballyhoo.streams(workspace, id, kind, version, currency) "
            "select number, %s, 'campaign', 1, 'USD' from ballyhoo.workspaces where name = %s",
            (campaign, name),
        )
    return Place(started, api, key, str(campaign))
