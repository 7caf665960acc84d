"""The structure of a JSON text, read without building anything up: how deep it is, and where its facts begin and
end. A hostile body costs time here, which is shared with others, and no memory."""

from __future__ import annotations

import asyncio
import re

from api.tracking.refusals import MOST_DEPTH, MOST_FACTS, not_a_batch, not_json, too_deep

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[\[{][^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+[\]}]'
# Possessive throughout: nothing that was passed is looked at again, so the time is that of the length. Strings and
# what holds no brackets are passed in one step.
_MARK = re.compile(_STRING + rb"|" + _FLAT + rb"|[\[\]{},]", re.DOTALL)
_BATCH_BEGINS = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"facts"[ \t\r\n]*:[ \t\r\n]*\[')
_BATCH_ENDS = re.compile(rb"[ \t\r\n]*\}[ \t\r\n]*")
_OPENING, _CLOSING = b"[{", b"]}"
_SPACE = b" \t\r\n"
_MARKS_AT_ONCE = 5_000


async def split(body: bytes | bytearray) -> list[bytes] | None:
    """The elements of ``{"facts": [ … ]}`` as they were sent, each of which may still be no JSON; None where the
    body has another shape.

    BodyRefused where it is nested too deeply, cut, or has too many facts. Nothing is built up while looking, so
    a hostile body takes no memory; other requests are let in between.
    """
    begin = _BATCH_BEGINS.match(body)
    if begin is None:
        await check_depth(body)
        return None
    found: list[bytes] = []
    start, depth = begin.end(), 2
    for count, mark in enumerate(_MARK.finditer(body, start)):
        if count % _MARKS_AT_ONCE == _MARKS_AT_ONCE - 1:
            await asyncio.sleep(0)
        depth = _after(mark, depth)
        if depth == 2 and mark[0] == b",":
            found.append(_element(body, start, mark.start()))
            if len(found) >= MOST_FACTS:
                raise not_a_batch()
            start = mark.end()
        elif depth == 1:
            if not _BATCH_ENDS.fullmatch(body, mark.end()):
                await check_depth(body)
                return None
            if found or body[start : mark.start()].strip(_SPACE):
                found.append(_element(body, start, mark.start()))
            return found
    raise not_json("it is cut")


async def check_depth(body: bytes | bytearray, outside: int = 0) -> None:
    """BodyRefused where the body, which itself stands ``outside`` levels deep, is nested too deeply."""
    depth = outside
    for count, mark in enumerate(_MARK.finditer(body)):
        if count % _MARKS_AT_ONCE == _MARKS_AT_ONCE - 1:
            await asyncio.sleep(0)
        depth = _after(mark, depth)


def _after(mark: re.Match[bytes], depth: int) -> int:
    """The depth behind a mark. BodyRefused where it, or what it holds, is too deep."""
    first = mark[0][0]
    if first in _OPENING:
        if depth >= MOST_DEPTH:
            raise too_deep()
        return depth + 1 if mark.end() == mark.start() + 1 else depth
    return depth - 1 if first in _CLOSING else depth


def _element(body: bytes | bytearray, start: int, stop: int) -> bytes:
    element = bytes(body[start:stop])
    if not element.strip(_SPACE):
        raise not_json("an element is missing")
    return element
