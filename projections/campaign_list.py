"""Which campaigns are there: every campaign of a workspace with what a list filters, sorts and shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.campaign.events import CampaignDrafted
from domain.campaign.state import KNOWN, CampaignState, begun, evolve
from domain.shared.event import Event
from projections.projection import EventProjection, Happened, Table

TABLE = Table(
    "campaigns",
    """
    stream int not null, workspace int not null, id uuid not null, version bigint not null, created_at
    timestamptz not null, updated_at timestamptz not null, name text not null, status text not null, type
    text not null, deleted boolean not null, platforms text[] not null, tags text[] not null, words text not
    null, state text not null """,
    key=("stream",),
    fillfactor=70,
    indexes=("workspace, created_at, id", "workspace, updated_at, id", "workspace, name, id"),
)


class CampaignRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table. ``words`` is everything that text is searched in, in lower case."""

    stream: int
    workspace: int
    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    state: CampaignState


class LostEvent(Exception):
    """An event came of which the one before is not in the table: the log or a checkpoint is not what it
    was."""


def fold(row: CampaignRow | None, happened: Happened) -> CampaignRow | None:
    """The row after one more event; None where it is no campaign's. LostEvent."""
    return fold_all(row, happened.stream, happened.workspace, (happened.event,))


def fold_all(row: CampaignRow | None, stream: int, workspace: int, events: Sequence[Event]) -> CampaignRow | None:
    """The row after some more events of one stream; None where it is no campaign's. LostEvent."""
    state, version = (None, None) if row is None else (row.state, row.version)
    last, later = None, []
    for event in events:
        kind = type(event)
        if kind in KNOWN:
            if version != event.originator_version - 1:
                came = f"version {event.originator_version} of campaign {event.originator_id}"
                raise LostEvent(f"{came} came where {version} stands")
            later.append(event)
        elif isinstance(event, CampaignDrafted):
            state = begun(event)
        else:
            continue
        version, last = event.originator_version, event
    if last is None or state is None:
        return row
    return CampaignRow(
        stream=stream,
        workspace=workspace,
        id=last.originator_id,
        version=last.originator_version,
        created_at=events[0].timestamp if row is None else row.created_at,
        updated_at=last.timestamp,
        state=evolve(state, *later) if later else state,
    )


_LOAD = """
select stream, workspace, id, version, created_at, updated_at, state from campaigns where stream = any(%s)
"""

_SAVE = """
insert into campaigns as c (stream, workspace, id, version, created_at, updated_at, name, status, type,
    deleted, platforms, tags, words, state)
select stream, workspace, id, version, created_at, updated_at, name, status, type, deleted, platforms, tags,
    words, state
  from json_to_recordset(%s::json) as r(stream int, workspace int, id uuid, version bigint,
    created_at timestamptz, updated_at timestamptz, name text, status text, type text, deleted boolean,
    platforms text[], tags text[], words text, state text)
 order by stream
on conflict (stream) do update set
  version = excluded.version, updated_at = excluded.updated_at, name = excluded.name,
  status = excluded.status, type = excluded.type, deleted = excluded.deleted, platforms = excluded.platforms,
  tags = excluded.tags, words = excluded.words, state = excluded.state
"""

_state = msgspec.json.Decoder(CampaignState)


def loaded(found: tuple[Any, ...]) -> CampaignRow:
    """A row as ``_LOAD`` selects it."""
    stream, workspace, id, version, created_at, updated_at, state = found
    return CampaignRow(
        stream=stream,
        workspace=workspace,
        id=id,
        version=version,
        created_at=created_at,
        updated_at=updated_at,
        state=_state.decode(state),
    )


def columns(row: CampaignRow) -> dict[str, Any]:
    """The columns of a row."""
    settings = row.state.settings
    return {
        "stream": row.stream,
        "workspace": row.workspace,
        "id": row.id,
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "name": settings.name,
        "status": row.state.status,
        "type": settings.type,
        "deleted": row.state.deleted,
        "platforms": list(settings.platforms),
        "tags": list(settings.tags),
        "words": searched(settings.name, settings.description, settings.tags),
        "state": msgspec.json.encode(row.state).decode(),
    }


def searched(name: str, description: str | None, tags: Sequence[str]) -> str:
    """What a text is looked for in: name, description and tags, a line each, in lower case."""
    return "\n".join([name, description or "", *tags]).lower()


CAMPAIGN_LIST = EventProjection(
    name="campaign_list",
    version=1,
    tables=(TABLE,),
    load=_LOAD,
    row=loaded,
    fold=fold,
    save=_SAVE,
    columns=columns,
    fold_all=fold_all,
)
