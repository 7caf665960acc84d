"""Which A/B tests are there: every test of a workspace with what a list filters and shows."""

# ruff: noqa: S608 (the schema's name is ours)

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.ab_test.events import ABTestCreated, ABTestEvent
from domain.ab_test.resource import present
from domain.ab_test.state import ABTestState, begun, evolve
from projections.campaign_list import LostEvent
from projections.projection import EventProjection, Happened, Table

TABLE = Table(
    "ab_tests",
    """
    stream int not null, workspace int not null, id uuid not null, version bigint not null, created_at
    timestamptz not null, updated_at timestamptz not null, campaign uuid not null, status text not null,
    state text not null """,
    key=("stream",),
    fillfactor=70,
    indexes=("workspace, created_at, id", "workspace, campaign"),
)


class ABTestRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table; its state is without looks and earlier layouts, which a list does not show."""

    stream: int
    workspace: int
    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    state: ABTestState


def fold(row: ABTestRow | None, happened: Happened) -> ABTestRow | None:
    """The row after one more event; None where it is no test's. LostEvent."""
    event = happened.event
    if not isinstance(event, ABTestEvent):
        return row
    if isinstance(event, ABTestCreated):
        state = begun(event)
    elif row is not None and row.version == happened.version - 1:
        state = evolve(row.state, event)
    else:
        stands = None if row is None else row.version
        raise LostEvent(f"version {happened.version} of test {happened.id} came where {stands} stands")
    return ABTestRow(
        stream=happened.stream,
        workspace=happened.workspace,
        id=happened.id,
        version=happened.version,
        created_at=happened.recorded_at if row is None else row.created_at,
        updated_at=happened.recorded_at,
        state=replace(state, looks=(), learnt=None, allocations=state.allocations[-1:]),
    )


_LOAD = """
select stream, workspace, id, version, created_at, updated_at, state from ab_tests where stream = any(%s)
"""
_SAVE = """
insert into ab_tests as t (stream, workspace, id, version, created_at, updated_at, campaign, status, state)
select stream, workspace, id, version, created_at, updated_at, campaign, status, state
  from json_to_recordset(%s::json) as r(stream int, workspace int, id uuid, version bigint, created_at timestamptz,
    updated_at timestamptz, campaign uuid, status text, state text)
 order by stream
on conflict (stream) do update set version = excluded.version, updated_at = excluded.updated_at,
  status = excluded.status, state = excluded.state
"""

_state = msgspec.json.Decoder(ABTestState)


def loaded(columns: tuple[Any, ...]) -> ABTestRow:
    """A row as ``_LOAD`` selects it."""
    names = ("stream", "workspace", "id", "version", "created_at", "updated_at")
    return ABTestRow(**dict(zip(names, columns, strict=False)), state=_state.decode(columns[6]))


def columns(row: ABTestRow) -> dict[str, Any]:
    """The columns of a row."""
    return {
        "stream": row.stream,
        "workspace": row.workspace,
        "id": row.id,
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "campaign": row.state.campaign_id,
        "status": row.state.status,
        "state": msgspec.json.encode(row.state).decode(),
    }


AB_TEST_LIST = EventProjection(
    name="ab_test_list",
    version=1,
    tables=(TABLE,),
    load=_LOAD,
    row=loaded,
    fold=fold,
    save=_SAVE,
    columns=columns,
)


@dataclass(frozen=True)
class ABTestQuery:
    """Filters are combined; None asks for nothing. The newest comes first; ``after`` is the place of the last row of
    the page before."""

    campaign: UUID | None = None
    statuses: tuple[str, ...] = ()
    limit: int = 50
    after: str | None = None


@dataclass(frozen=True)
class ABTestItem:
    """A test as GET shows it, and its place in the list."""

    resource: dict[str, Any]
    place: str


_STATEMENT = f"""
select (select min(high) from {AB_TEST_LIST.schema}.checkpoints where log = 'events'),
    (select position from ballyhoo.log_heads where log = 'engagement'),
    p.id, p.version, p.created_at, p.updated_at, p.state
  from (select) one
  left join (
    select * from {AB_TEST_LIST.schema}.ab_tests t
     where t.workspace = %(workspace)s $conditions
     order by t.created_at desc, t.id desc limit %(limit)s + 1
  ) p on true
 order by p.created_at desc, p.id desc
"""
_CONDITIONS = {
    "campaign": "and t.campaign = %(campaign)s",
    "statuses": "and t.status = any(%(statuses)s)",
    "after": "and (t.created_at, t.id) < (%(after)s::timestamptz, %(after_id)s::uuid)",
}


def statement(query: ABTestQuery) -> tuple[str, dict[str, Any]]:
    """The statement and its parameters but for ``workspace``."""
    after, after_id = json.loads(query.after) if query.after else (None, None)
    parameters = {
        "campaign": query.campaign,
        "statuses": list(query.statuses) or None,
        "limit": query.limit,
        "after": after,
        "after_id": after_id,
    }
    conditions = [text for name, text in _CONDITIONS.items() if parameters[name] is not None]
    return _STATEMENT.replace("$conditions", " ".join(conditions)), parameters


def item(columns: Sequence[Any]) -> ABTestItem:
    """An item from a row's columns after the two positions."""
    id, version, created_at, updated_at, state = columns
    resource = present(id, version, created_at, updated_at, _state.decode(state))
    return ABTestItem(resource, json.dumps([created_at.isoformat(), str(id)]))
