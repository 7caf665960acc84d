"""The structure of a JSON text, read without building anything up: how deep it is, and where its facts begin and
end. A hostile body costs time here, which is shared with others, and no memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

from api.tracking.refusals import MOST_DEPTH, MOST_FACTS, not_a_batch, not_json, too_deep

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[\[{][^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+[\]}]'
# Possessive throughout: nothing that was passed is looked at again, so the time is that of the length. Strings and
# what holds no brackets are passed in one step.
_MARK = re.compile(_STRING + rb"|" + _FLAT + rb"|[\[\]{},]", re.DOTALL)
_BATCH_BEGINS = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"facts"[ \t\r\n]*:[ \t\r\n]*\[')
_BATCH_ENDS = re.compile(rb"[ \t\r\n]*\}[ \t\r\n]*")
_OPENING, _CLOSING = b"[{", b"]}"
_COMMA = b","[0]
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
    start = begin.end()
    async for depth, at in _marks(body, start, 2):
        if depth == 2 and body[at] == _COMMA:
            found.append(_element(body, start, at))
            if len(found) >= MOST_FACTS:
                raise not_a_batch()
            start = at + 1
        elif depth == 1:
            if not _BATCH_ENDS.fullmatch(body, at + 1):
                await check_depth(body)
                return None
            if found or body[start:at].strip(_SPACE):
                found.append(_element(body, start, at))
            return found
    raise not_json("it is cut")


async def check_depth(body: bytes | bytearray, outside: int = 0) -> None:
    """BodyRefused where the body, which itself stands ``outside`` levels deep, is nested too deeply."""
    async for _ in _marks(body, 0, outside):
        pass


async def _marks(body: bytes | bytearray, start: int, depth: int) -> AsyncIterator[tuple[int, int]]:
    """Each place at which one of the two outermost levels ends, or has a comma: the depth behind it, and where it
    is. BodyRefused where a place is too deep."""
    for count, mark in enumerate(_MARK.finditer(body, start), 1):
        at = mark.start()
        first = body[at]
        if first in _OPENING:
            if depth >= MOST_DEPTH:
                raise too_deep()
            if mark.end() == at + 1:
                depth += 1
        elif first in _CLOSING:
            depth -= 1
            if depth < 2:
                yield depth, at
        elif depth == 2 and first == _COMMA:
            yield depth, at
        if count % _MARKS_AT_ONCE == 0:
            await asyncio.sleep(0)


def _element(body: bytes | bytearray, start: int, stop: int) -> bytes:
    element = bytes(body[start:stop])
    if not element.strip(_SPACE):
        raise not_json("an element is missing")
    return element
