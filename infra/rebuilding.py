"""Rebuilds as people start them: from the command line with a progress bar, or as a job of a worker."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from adapters.postgres.job_at_work import JobAtWork
from adapters.read_models.rebuild.comparing import Compared
from adapters.read_models.rebuild.lease import EVERY, SECONDS
from adapters.read_models.rebuild.places import Place, live, under_rule
from adapters.read_models.rebuild.rebuild import Outcome, Progress, Rebuild
from adapters.read_models.rebuild.stopping import AlreadyRebuilding, Cancelled, RebuildStopped
from projections.catalogue import CATALOGUE, UNDER_RULES


class UnknownProjection(Exception):
    """There is no such projection; the message says which there are."""


class UnknownRule(Exception):
    """There is no such rule; the message says which there are."""


def insist_on_rule(dsn: str, name: str) -> None:
    """UnknownRule."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        known = [rule for (rule,) in connection.execute("select name from ballyhoo.rules order by name").fetchall()]
    if name not in known:
        raise UnknownRule(f"There is no rule {name!r}; there are: {', '.join(known)}.")


def places(names: Sequence[str], rule: str | None = None) -> list[Place]:
    """The places of the projections named, of all where none is; under a rule, of those that are kept under rules.
    UnknownProjection."""
    known = {one.name: one for one in CATALOGUE if rule is None or one.name in UNDER_RULES}
    for name in names:
        if name not in known:
            kept = "" if rule is None else " that is kept under rules"
            raise UnknownProjection(f"There is no projection {name}{kept}; there are: {', '.join(known)}.")
    chosen = [known[name] for name in names or known]
    return [live(projection) if rule is None else under_rule(projection, rule) for projection in chosen]


def rebuild_on_terminal(dsn: str, chosen: Sequence[Place], *, workers: int, back: bool) -> None:
    """Rebuild one after the other with a progress bar, and print what each came to. RebuildStopped."""
    console = Console(stderr=True)
    with _bar(console) as bar:
        for place in chosen:
            task = bar.add_task(place.projection.name, total=None) if bar else None

            def tell(progress: Progress, task: Any = task) -> None:
                if bar is not None:
                    bar.update(task, description=f"{progress.projection} {progress.phase}", completed=progress.done,
                               total=progress.total or None)  # fmt: skip

            asked = Rebuild(dsn, place, workers=workers, tell=tell)
            outcome = asked.back() if back else asked.run()
            print(said(outcome), flush=True)


def run_job(dsn: str, id: UUID) -> None:
    """Do one rebuild that was asked for over HTTP, and keep in its row what becomes of it."""
    with JobAtWork(dsn, id) as job:
        try:
            _work(dsn, job)
        except Cancelled as error:
            job.finish("cancelled", str(error))
        except RebuildStopped as error:
            job.finish("failed", str(error))
        except psycopg.OperationalError:
            raise  # the database is away: the next start goes on
        except Exception as error:
            job.finish("failed", f"{type(error).__name__}: {error}")
            raise
        else:
            job.finish("succeeded")


def _work(dsn: str, job: JobAtWork) -> None:
    before = 0
    seen = Progress("", "", 0, 0)

    def tell(progress: Progress) -> None:
        nonlocal seen
        seen = progress
        job.progress(before + progress.done, before + progress.total)

    for place in places(job.request["projections"], job.request["rule"]):
        name = place.projection.name
        if name in job.results:
            continue
        asked = Rebuild(dsn, place, workers=job.request["workers"], tell=tell, cancelled=job.cancelled)
        stands = asked.stands()
        # An attempt that died right after its swap: done again, a way back would be undone.
        swapped = job.saw_first(name, stands) != stands
        compared = None if swapped else _patiently(asked.back if job.request["back"] else asked.run).compared
        job.came_to(name, result_of(compared))
        before += seen.total


def _patiently(work: Callable[[], Outcome]) -> Outcome:
    """The lease of an attempt that was killed runs on for a while."""
    until = time.monotonic() + SECONDS + EVERY
    while True:
        try:
            return work()
        except AlreadyRebuilding:
            if time.monotonic() > until:
                raise
        time.sleep(0.5)


def result_of(compared: Compared | None) -> dict[str, Any]:
    """What a rebuild came to, as api.md §5 answers it; nothing of a way back, which compares nothing."""
    if compared is None:
        return {"rows": None, "checksum_live": None, "checksum_rebuilt": None, "first_difference": None}
    return {
        "rows": compared.rows,
        "checksum_live": compared.live,
        "checksum_rebuilt": compared.rebuilt,
        "first_difference": compared.first_difference,
    }


def said(outcome: Outcome) -> str:
    """An outcome in a line."""
    compared = outcome.compared
    if compared is None:
        return f"{outcome.projection}: the former tables answer again, {outcome.records} records caught up."
    words = f"{outcome.projection}: {compared.rows} rows from {outcome.records} records in {outcome.seconds:.1f} s"
    if outcome.resumed:
        words += f", gone on at {outcome.resumed:.0%}"
    if compared.live is None:
        return f"{words}; checksum {compared.rebuilt}, nothing to compare with."
    if compared.live == compared.rebuilt:
        return f"{words}; checksum {compared.rebuilt}, as the live one."
    return f"{words}; checksum {compared.rebuilt}, the live one was {compared.live}; {_difference(outcome)}"


def _difference(outcome: Outcome) -> str:
    found = outcome.compared.first_difference if outcome.compared else None
    if found is None:
        return "no row differs."
    key = ", ".join(f"{name} {value}" for name, value in found["key"].items())
    return (
        f"first difference: table {found['table']}, {key}: {', '.join(found['columns'])} "
        f"was {found['live']}, is {found['rebuilt']}."
    )


class _Rate(ProgressColumn):
    """Records per second."""

    def render(self, task: Task) -> Text:
        """The rate as it is seen just now."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="progress.data.speed")


def _bar(console: Console) -> AbstractContextManager[Bar | None]:
    if not sys.stderr.isatty():
        return nullcontext(None)
    return Bar(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip


