"""Statements as psycopg writes them, on a wire: prepared once each, dumped and loaded by psycopg's adapters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, Format

from adapters.postgres.wire import Wire

Parameters = Sequence[Any] | Mapping[str, Any] | None

MOST_PREPARED = 300
"""Statements that a connection keeps prepared; past that it begins anew."""

_PLACE = re.compile(r"%(?:\((?P<name>\w+)\))?(?P<format>[sbt%])")
_FORMATS = {"s": PyFormat.AUTO, "b": PyFormat.BINARY, "t": PyFormat.TEXT}


class Reading:
    """Runs statements on one connection, one at a time."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._names: dict[tuple[str, tuple[int, ...]], bytes] = {}

    async def rows(self, statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        """All rows of a statement, none where it answers none. psycopg.Error."""
        adapting = Transformer(self.wire.connection)
        if parameters is None:
            text, values = statement, []
            dumped: Sequence[Any] = ()
        else:
            text, names, formats = _written(statement)
            values = [parameters[name] for name in names] if isinstance(parameters, Mapping) else list(parameters)
            dumped = adapting.dump_sequence(values, formats)
        name = await self._prepared(text, tuple(adapting.types or ()))
        result = await self.wire.run(name, dumped, adapting.formats or ())
        if result.status != ExecStatus.TUPLES_OK:
            return []
        adapting.set_pgresult(result, format=Format.BINARY)
        return adapting.load_rows(0, result.ntuples, tuple)

    async def _prepared(self, text: str, types: tuple[int, ...]) -> bytes:
        name = self._names.get((text, types))
        if name is None:
            if len(self._names) >= MOST_PREPARED:
                self._names.clear()
                await self.wire.execute(b"deallocate all")
            name = b"s%d" % len(self._names)
            await self.wire.prepare(name, text.encode(), types)
            self._names[text, types] = name
        return name


@lru_cache(maxsize=1_000)
def _written(statement: str) -> tuple[str, list[str], list[PyFormat]]:
    """A statement with ``$1``, ``$2`` … in the places of psycopg's: the names (those of places without one are
    empty), and the format of each."""
    names: list[str] = []
    formats: list[PyFormat] = []

    def numbered(place: re.Match[str]) -> str:
        name, format = place["name"], place["format"]
        if format == "%":
            return "%"
        if name is None or name not in names:
            names.append(name or "")
            formats.append(_FORMATS[format])
            return f"${len(names)}"
        return f"${names.index(name) + 1}"

    return _PLACE.sub(numbered, statement), names, formats
