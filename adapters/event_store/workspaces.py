"""Workspaces and their keys: plain rows for what is secret, events for what happened, in one transaction."""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from adapters.event_store.append import STORED, append_now
from adapters.event_store.codec import Codec
from adapters.event_store.packing import packed
from adapters.postgres.pool import Pool
from application.ports import Caller, Context
from domain.catalogue import EVENTS
from domain.workspace.workspace import Workspace

KEPT_SECONDS = 2.0
MOST_KEPT = 10_000

_VERIFY = """
select w.number, w.id, k.id, k.role from ballyhoo.api_keys k join ballyhoo.workspaces w on w.number = k.workspace
  where k.hash = %s and k.revoked_at is null
"""


def new_key() -> str:
    """A key of 256 random bits."""
    return f"bh_{secrets.token_urlsafe(32)}"


def hashed(key: str) -> bytes:
    """What is kept of a key. Keys are long and random, so one round of SHA-256 gives nothing away."""
    return hashlib.sha256(key.encode()).digest()


class PostgresKeys:
    """Implements ``api.authentication.Keys``; a revoked key opens for KEPT_SECONDS more at most."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[str, tuple[float, Caller]] = {}

    def known(self, key: str) -> Caller | None:
        """The caller of a key that was verified in the last seconds."""
        found = self._known.get(key)
        if found is not None and found[0] > time.monotonic():
            return found[1]
        return None

    async def verify(self, key: str) -> Caller | None:
        """The caller of a key, or None where it was never made or was revoked."""
        rows = await self._pool.rows(_VERIFY, (hashed(key),))
        if not rows:
            self._known.pop(key, None)
            return None
        number, workspace_id, key_id, role = rows[0]
        caller = Caller(number, workspace_id, f"key:{key_id}", role)
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        self._known[key] = (time.monotonic() + KEPT_SECONDS, caller)
        return caller


def make_key(connection: psycopg.Connection[Any], workspace: str, role: str, key: str | None = None) -> str:
    """Make a key, and the workspace where it is new. Answers the key. Invalid where name or role is not valid.

    ``connection`` acts for the database's owner. Many may do so at once, for one workspace too.
    """
    key = key or new_key()
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(7002)")
        number, aggregate, context = _workspace(connection, workspace)
        key_id = uuid7()
        aggregate.make_key(key_id, role, by=context.caller.actor, at=context.at)
        connection.execute(
            "insert into ballyhoo.api_keys(id, workspace, role, hash) values (%s, %s, %s, %s)",
            (key_id, number, role, hashed(key)),
        )
        _append(connection, aggregate, context)
    return key


def ensure_first_workspace(connection: psycopg.Connection[Any], key: str | None = None) -> str | None:
    """The workspace ``default`` with its owner's key, on the first start. Answers the key, or None on later ones."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(7002)")
        there = connection.execute("select 1 from ballyhoo.workspaces limit 1").fetchone()
        return None if there else make_key(connection, "default", "owner", key)


def _workspace(connection: psycopg.Connection[Any], name: str) -> tuple[int, Workspace, Context]:
    at = datetime.now(UTC)
    row = connection.execute("select number, id from ballyhoo.workspaces where name = %s", (name,)).fetchone()
    if row is None:
        workspace = Workspace.create(uuid7(), name, by="system", at=at)
        row = connection.execute(
            "insert into ballyhoo.workspaces(id, name) values (%s, %s) returning number, id",
            (workspace.id, name),
        ).fetchone()
        assert row is not None
    else:
        workspace = _loaded(connection, row[0], row[1])
    caller = Caller(row[0], row[1], "system", "owner")
    return row[0], workspace, Context(caller, at, correlation="key-create")


def _loaded(connection: psycopg.Connection[Any], number: int, id: UUID) -> Workspace:
    codec = Codec(EVENTS)
    rows = connection.execute(
        "select e.version, e.topic, e.state, e.recorded_at "
        "from ballyhoo.events e join ballyhoo.streams s using (stream) "
        "where s.workspace = %s and s.id = %s order by e.version",
        (number, id),
    ).fetchall()
    workspace: Any = None
    for version, topic, state, at in rows:
        event: Any = codec.decode(topic, state, id=id, version=version, at=at)
        workspace = event.mutate(workspace)
    assert isinstance(workspace, Workspace)
    return workspace


def _append(connection: psycopg.Connection[Any], aggregate: Workspace, context: Context) -> None:
    command = packed(Codec(EVENTS), aggregate, list(aggregate.collect_events()), context, None)
    connection.execute("select ballyhoo.current_epoch()")  # as every appender that connects
    (outcome,) = append_now(connection, [command])
    assert outcome.outcome == STORED
