"""One archive file: blocks of facts, each compressed by itself, then a manifest, then the manifest's length and hash.

A block holds the binary rows of ``COPY … (format binary)`` in the order of positions, without COPY's header and
trailer; its columns are those that the manifest names. Numbers are big-endian.

    magic | block | block | … | manifest (JSON) | length of the manifest (8 bytes) | its SHA-256 (32 bytes)
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO, Protocol

import zstandard

from application.ports import Unavailable

MAGIC = b"BALLYHOO FACTS 1\n"
LEVEL = 9

_FOOT = Struct("!Q32s")
_FIELDS, _LENGTH = Struct("!h"), Struct("!i")


class Damaged(Unavailable):
    """An archive file is not what was written; the message names the file and the block."""

    def __init__(self, file: str, block: int | None, why: str) -> None:
        where = "" if block is None else f" in block {block}"
        super().__init__(f"the archive file {file} is damaged{where}: {why}")


class Stored(Protocol):
    """Where a block lies: in ``path``, ``size`` bytes from ``place`` on, and the SHA-256 of these bytes."""

    @property
    def path(self) -> Path: ...
    @property
    def number(self) -> int: ...
    @property
    def place(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> bytes: ...


class Writing:
    """A file that is being written; nothing of it counts before ``finish``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_name(f"{path.name}.new")
        self._file = open(os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")  # noqa: SIM115
        self._compress = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        self._file.write(MAGIC)

    def block(self, rows: bytes) -> tuple[int, int, bytes]:
        """Write a block; gives its place, its size and its hash."""
        place, packed = self._file.tell(), self._compress.compress(rows)
        self._file.write(packed)
        return place, len(packed), sha256(packed).digest()

    def finish(self, manifest: Mapping[str, Any]) -> tuple[int, bytes]:
        """Write the manifest and make the file last, under its name; gives its size and the manifest's hash."""
        text = json.dumps(manifest, separators=(",", ":")).encode()
        digest = sha256(text).digest()
        self._file.write(text + _FOOT.pack(len(text), digest))
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        self._unfinished.replace(self._path)
        sync_folder(self._path.parent)
        return size, digest

    def close(self) -> None:
        """Let go; what was not finished stays behind under another name."""
        self._file.close()


def rows_of(block: Stored, file: BinaryIO | None = None) -> bytes:
    """The rows of a block. Damaged."""
    name = block.path.name
    try:
        if file is None:
            with block.path.open("rb") as opened:
                return rows_of(block, opened)
        file.seek(block.place)
        packed = file.read(block.size)
    except FileNotFoundError as error:
        raise Damaged(name, block.number, "the file is missing") from error
    except OSError as error:
        raise Damaged(name, block.number, f"it can't be read ({error.strerror})") from error
    if len(packed) < block.size:
        raise Damaged(name, block.number, "the file ends before it does")
    if sha256(packed).digest() != block.sha256:
        raise Damaged(name, block.number, "its SHA-256 is another")
    return zstandard.ZstdDecompressor().decompress(packed)


def manifest_of(path: Path, digest: bytes) -> dict[str, Any]:
    """The manifest of a file, whose hash must be ``digest``. Damaged."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise Damaged(path.name, None, "it does not begin like one")
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - _FOOT.size, 0))
            foot = file.read()
            length, said = _FOOT.unpack(foot) if len(foot) == _FOOT.size else (0, b"")
            text = b""
            if said == digest and length <= end - _FOOT.size:
                file.seek(end - _FOOT.size - length)
                text = file.read(length)
    except FileNotFoundError as error:
        raise Damaged(path.name, None, "the file is missing") from error
    if sha256(text).digest() != digest:
        raise Damaged(path.name, None, "its manifest is not the one that was written")
    found: dict[str, Any] = json.loads(text)
    return found


def single_rows(rows: bytes) -> Iterator[memoryview]:
    """The rows of a block one by one."""
    view, start, end = memoryview(rows), 0, len(rows)
    while start < end:
        (fields,) = _FIELDS.unpack_from(view, start)
        at = start + _FIELDS.size
        for _ in range(fields):
            (length,) = _LENGTH.unpack_from(view, at)
            at += _LENGTH.size + max(length, 0)
        yield view[start:at]
        start = at


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
