"""The list of campaigns."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from projections.campaign_list import CAMPAIGN_LIST
from tests.bench.log_oracle.reading import Looked, rows

# How a campaign stands after an event, where that changes it; an unarchived one says itself.
_STATUS = {
    "drafted": "draft", "scheduled": "scheduled", "unscheduled": "draft", "launched": "active", "paused": "paused",
    "resumed": "active", "completed": "completed", "cancelled": "cancelled", "failed": "failed",
    "archived": "archived",
}  # fmt: skip
_SHOWN = ("name", "type", "platforms", "tags")
_EVENTS = """
select s.stream, e.version, e.recorded_at, e.topic, e.state
  from ballyhoo.streams s join ballyhoo.events e on e.stream = s.stream
 where s.kind = 'campaign' order by e.stream, e.version
"""
_LIST = """
select stream, version, created_at, updated_at, status, deleted, name, type, platforms, tags from campaigns
"""


def look_at_campaigns(url: str) -> Looked:
    """Compare every row."""
    looked = Looked()
    expected: dict[int, dict[str, Any]] = {}
    with psycopg.connect(url) as connection:
        connection.execute(f"set search_path to {CAMPAIGN_LIST.schema}, ballyhoo".encode())
        with connection.cursor(name="events") as events:
            events.itersize = 10_000
            for stream, version, at, topic, state in events.execute(_EVENTS):
                row = expected.setdefault(stream, {"created_at": at, "deleted": False})
                _happen(row, topic.removeprefix("campaign."), json.loads(bytes(state)))
                row |= {"version": version, "updated_at": at}
                looked.records += 1
        found = rows(connection, _LIST)
    looked.compare(
        found,
        [
            (stream, row["version"], row["created_at"], row["updated_at"], row["status"], row["deleted"],
             *(row[name] for name in _SHOWN))
            for stream, row in expected.items()
        ],
    )  # fmt: skip
    return looked


def _happen(row: dict[str, Any], what: str, content: dict[str, Any]) -> None:
    row["status"] = content["status"] if what == "unarchived" else _STATUS.get(what, row.get("status"))
    if what == "drafted":
        row |= {name: content["settings"][name] for name in _SHOWN}
    elif what == "changed":
        row |= {name: content[name] for name in content["fields"] if name in _SHOWN}
    elif what in ("deleted", "restored"):
        row["deleted"] = what == "deleted"
