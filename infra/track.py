"""``ballyhoo track FILE``: facts from a file into the API, a thousand at a time, as any client would send
them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.ask import Api

BATCH = 1000
MOST_BYTES = 7 << 20
"""Of a body's 8 MiB, for its facts."""
SHOWN = 10

_WHOLE_NUMBERS = {"quantity", "value.amount", "value.amount_micros"}
Numbered = tuple[int, dict[str, Any]]
"""A fact with the number of its line."""

_WHOLE = re.compile(r"-?[0-9]{1,18}")


class TrackingFailed(Exception):
    """Not every fact of the file was taken in; the message says which and why."""


@dataclass
class Tally:
    """What became of the facts so far; ``faults`` holds a line for each of the first refused ones."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """All of them."""
        return self.accepted + self.duplicates + self.rejected


def track(path: Path, api: Api, progress: Callable[[Tally], None]) -> Tally:
    """Send every fact of a .csv or .jsonl file. TrackingFailed where the file cannot be read or the API
    refuses it.

    A refused fact is counted and told, the others are kept. A run that broke off can be repeated: a fact that
    has an ``id`` counts once.
    """
    tally = Tally()
    facts = facts_of(path)
    for batch in _batches(facts):
        status, answer = api.post("/v1/track/batch", {"facts": [fact for _, fact in batch]})
        if status != 200:
            why = answer.get("detail") or answer.get("title") if isinstance(answer, dict) else answer
            raise TrackingFailed(f"The API answered {status} after {tally.sent} facts: {why}")
        tally.accepted += answer["accepted"]
        tally.duplicates += answer["duplicates"]
        for refused in answer["rejected"]:
            tally.rejected += 1
            if len(tally.faults) < SHOWN:
                faults = "; ".join(f"{fault['pointer']}: {fault['detail']}" for fault in refused["errors"])
                tally.faults.append(f"line {batch[refused['index']][0]}: {faults}")
        progress(tally)
    return tally


def _batches(facts: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """As many at once as a body may have."""
    batch: list[Numbered] = []
    size = 0
    for number, fact in facts:
        grown = len(json.dumps(fact)) + 2
        if len(batch) == BATCH or (batch and size + grown > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((number, fact))
        size += grown
    if batch:
        yield batch


def facts_of(path: Path) -> Iterator[Numbered]:
    """Each fact with the number of its line. TrackingFailed where the file is no such file."""
    readers = {".csv": _from_csv, ".jsonl": _from_jsonl}
    read = readers.get(path.suffix.lower())
    if read is None:
        raise TrackingFailed(f"{path} is neither .csv nor .jsonl.")
    try:
        yield from read(path)
    except OSError as error:
        raise TrackingFailed(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TrackingFailed(f"{path} is no file of facts in UTF-8: {error}.") from error


def _from_jsonl(path: Path) -> Iterator[Numbered]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                fact = json.loads(line)
            except ValueError as error:
                raise TrackingFailed(f"{path}, line {number} is not JSON: {error}.") from error
            yield number, fact


def _from_csv(path: Path) -> Iterator[Numbered]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames is None or "kind" not in reader.fieldnames:
            raise TrackingFailed(f"{path} has no column named kind in its first line.")
        for row in reader:
            if None in row or None in row.values():
                raise TrackingFailed(
                    f"{path}, line {reader.line_num} has not as many columns as the first line."
                )
            yield reader.line_num, _fact_of(row)


def _fact_of(row: dict[str, str]) -> dict[str, Any]:
    """A fact from the columns of one line: an empty one is a field that is not there, a dot leads into an
    object.

    What should be a whole number and is none stays text, for the API to refuse by name.
    """
    fact: dict[str, Any] = {}
    for column, text in row.items():
        if text == "":
            continue
        outer, dot, inner = column.partition(".")
        value = int(text) if column in _WHOLE_NUMBERS and _WHOLE.fullmatch(text) else text
        if dot:
            fact.setdefault(outer, {})[inner] = value
        else:
            fact[column] = value
    return fact
