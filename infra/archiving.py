"""The archive as people use it: on the command line, with a progress bar."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from adapters.archive import archiving, dropping
from adapters.archive.archiving import ArchiveStopped, Outcome, Progress
from adapters.archive.dropping import Listed
from adapters.archive.file import Damaged
from adapters.archive.folder import FolderMissing, named
from domain.shared.times import moment, written
from infra.settings import Settings


class ArchiveFailed(Exception):
    """The archive did not do what was asked; the message says why."""


def time_of(text: str) -> datetime:
    """A time of the command line: RFC 3339, or a date, whose day begins in UTC. ArchiveFailed."""
    found = moment(text) or moment(f"{text}T00:00:00Z")
    if found is None:
        raise ArchiveFailed(f"{text} is no time: write 2026-12-01 or 2026-12-01T09:00:00+01:00.")
    return found


def archive_on_terminal(dsn: str, settings: Settings, folder: Path, before: datetime | None) -> None:
    """Archive with a progress bar, and print what it came to. ArchiveFailed."""
    chosen = before or datetime.now(UTC) - timedelta(days=settings.archive_after_days)
    with _said(), _bar() as bar:
        tasks: dict[str, TaskID] = {}

        def tell(progress: Progress) -> None:
            if bar is None:
                return
            if progress.partition not in tasks:
                tasks[progress.partition] = bar.add_task(progress.partition, total=progress.total)
            bar.update(tasks[progress.partition], completed=progress.done)

        outcome = archiving.archive(dsn, folder, chosen, tell)
    print("\n".join(said(outcome, chosen)), flush=True)


def said(outcome: Outcome, before: datetime) -> list[str]:
    """An outcome in lines."""
    lines = [
        f"{one.partition}: {one.facts:,} facts, {one.table_bytes:,} bytes in the database,"
        f" {one.file_bytes:,} in the file"
        for one in outcome.moved
    ]
    if outcome.moved:
        tables, files = sum(one.table_bytes for one in outcome.moved), sum(one.file_bytes for one in outcome.moved)
        facts = sum(one.facts for one in outcome.moved)
        lines.append(
            f"{facts:,} facts archived: {tables:,} bytes before, {files:,} after, {files / tables:.1%} of it."
        )
    elif not outcome.held_back:
        lines.append(f"Nothing recorded before {written(before)} is left to archive.")
    if outcome.held_back:
        lines.append(f"The rest waits: {outcome.held_back}")
    return lines


def list_on_terminal(dsn: str, verify: bool) -> None:
    """Print what is archived; with ``verify`` read every file. ArchiveFailed where one is damaged."""
    wrong: list[str] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = dropping.listed(connection)
        for one in found:
            state = "" if one.dropped_at is None else f", dropped {written(one.dropped_at)}"
            if verify and one.dropped_at is None:
                fault = dropping.verify(connection, one)
                state = ", whole" if fault is None else f", DAMAGED: {fault}"
                wrong += [fault] if fault else []
            print(_line(one) + state, flush=True)
        print(f"{len(found)} partitions in {named(connection)}" if found else "Nothing is archived.", flush=True)
    if wrong:
        raise ArchiveFailed("; ".join(wrong))


def drop_on_terminal(dsn: str, before: datetime, confirmed: bool) -> None:
    """Drop archived facts for good. ArchiveFailed without the confirmation."""
    if not confirmed:
        raise ArchiveFailed(
            f"This deletes the archived facts recorded before {written(before)} for good; no rebuild is possible after"
            " it. Say so with --yes-delete-for-good."
        )
    with _said():
        gone = dropping.drop(dsn, before, _who())
    if gone is None:
        print(f"No archived partition lies wholly before {written(before)}.", flush=True)
    else:
        print(f"{gone.facts:,} facts are gone; the horizon is {written(gone.horizon)}.", flush=True)


def _who() -> str:
    """The account that asks."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"account {os.getuid()}"


def _line(one: Listed) -> str:
    return (
        f"{one.file}: {one.facts:,} facts recorded from {written(one.recorded_from)} until"
        f" {written(one.recorded_until)}, positions {one.first_position} to {one.last_position},"
        f" {one.table_bytes:,} bytes before, {one.file_bytes:,} after, manifest {one.sha256.hex()[:16]}"
    )


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except (ArchiveStopped, Damaged, FolderMissing) as error:
        raise ArchiveFailed(str(error)) from error
    except OSError as error:
        raise ArchiveFailed(f"The archive can't be written: {error.strerror} ({error.filename}).") from error


@contextmanager
def _bar() -> Iterator[Bar | None]:
    if not sys.stderr.isatty():
        yield None
        return
    with Bar(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:  # fmt: skip
        yield bar
