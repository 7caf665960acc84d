"""A job as the process that does it sees it: what was asked, who asked for its end, and what has come of it so far.

A process writes only as long as its attempt is the last: one that was stopped, and whose job was begun anew, finds out.
"""

from __future__ import annotations

import json
import time
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import psycopg

_REQUEST = "select request, coalesce(result, '{}'), attempts from ballyhoo.jobs where id = %s and state = 'running'"
_PROGRESS = """
update ballyhoo.jobs set done = %s, total = %s where id = %s and state = 'running' and attempts = %s
returning cancel_asked
"""
_RESULT = """
update ballyhoo.jobs set result = coalesce(result, '{}') || %s::jsonb
 where id = %s and state = 'running' and attempts = %s
"""
_SAW = """
update ballyhoo.jobs set request = request || jsonb_build_object('saw', coalesce(request -> 'saw', '{}')
    || jsonb_build_object(%(name)s::text, coalesce(request -> 'saw' -> %(name)s, to_jsonb(%(what)s::bigint))))
 where id = %(id)s and state = 'running' and attempts = %(attempt)s
returning (request -> 'saw' ->> %(name)s)::bigint
"""
_FINISH = """
update ballyhoo.jobs set state = %s, error = %s, finished_at = clock_timestamp(),
    done = case when %s = 'succeeded' then total else done end
 where id = %s and state = 'running' and attempts = %s
"""
_EVERY = 0.3


class NoSuchJob(Exception):
    """There is no running job with this id."""


class JobAtWork:
    """One running job, while the block runs. Its row is written at most every ``_EVERY`` seconds."""

    def __init__(self, dsn: str, id: UUID) -> None:
        self._connection = psycopg.connect(
            dsn, autocommit=True, connect_timeout=5, application_name="job",
            options="-c role=ballyhoo_engine -c statement_timeout=10000",
        )  # fmt: skip
        self._id = id
        self._written = 0.0
        self._cancelled = False
        found = self._connection.execute(_REQUEST, (id,)).fetchone()
        if found is None:
            self._connection.close()
            raise NoSuchJob(f"There is no running job {id}.")
        self.request: dict[str, Any] = found[0]
        self.results: dict[str, Any] = found[1]
        self._attempt: int = found[2]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def progress(self, done: int, total: int) -> None:
        """Say how far it is; nobody waits for it."""
        if time.monotonic() - self._written < _EVERY:
            return
        self._written = time.monotonic()
        found = self._connection.execute(_PROGRESS, (done, total, self._id, self._attempt)).fetchone()
        self._cancelled = found is None or found[0]

    def cancelled(self) -> bool:
        """Whether its end was asked for, or it is another's by now; as of the last progress."""
        return self._cancelled

    def came_to(self, name: str, result: dict[str, Any]) -> None:
        """Keep one part of the result, so that another start does not do it again."""
        self._connection.execute(_RESULT, (json.dumps({name: result}), self._id, self._attempt))

    def saw_first(self, name: str, what: int | None) -> int | None:
        """What the first attempt saw where this one sees ``what``. Of a job that is another's by now, ``what``."""
        asked = {"name": name, "what": what, "id": self._id, "attempt": self._attempt}
        found = self._connection.execute(_SAW, asked).fetchone()
        return what if found is None else found[0]

    def finish(self, state: str, error: str | None = None) -> None:
        """End it: succeeded, failed or cancelled."""
        self._connection.execute(_FINISH, (state, error, state, self._id, self._attempt))
