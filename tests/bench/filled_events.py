"""A log full of campaigns' events, as the append would have left it: each campaign is drafted, changed, launched, and
paused and resumed again and again, a hundred of them at the same time."""

from __future__ import annotations

from typing import Any

import psycopg

from adapters.event_store.codec import Codec
from domain.catalogue import EVENTS
from tests.examples.campaigns import ALICE, NOON, a_draft

EVENTS_EACH = 10
_AT_A_TIME = 100

_STREAMS = """
insert into ballyhoo.streams (workspace, id, kind, version, currency)
select 1, gen_random_uuid(), 'campaign', %s, 'USD' from generate_series(1, %s)
"""
_WORKSPACE = "insert into ballyhoo.workspaces (id, name) values (gen_random_uuid(), 'filled') on conflict do nothing"
_EVENTS = """
insert into ballyhoo.events (position, recorded_at, occurred_at, event_id, workspace, stream, version, part, topic,
    actor, correlation, state)
select position, now() + position * interval '1 us', now(), gen_random_uuid(), 1, stream, version,
    get_byte(uuid_send(id), 15) % 16, topic, 'filled', 'filled', state
  from (
    select s.stream, s.id, t.version, t.topic, t.state,
        row_number() over (order by s.stream / %(at_a_time)s, t.version, s.stream) as position
      from ballyhoo.streams s,
        unnest(%(topics)s::text[], %(states)s::bytea[]) with ordinality t(topic, state, version)
  ) e
"""
_HEAD = """
update ballyhoo.log_heads set position = (select max(position) from ballyhoo.events),
    recorded_at = (select max(recorded_at) from ballyhoo.events) where log = 'events'
"""


def fill_events(url: str, count: int) -> None:
    """``count`` events, ten of each campaign."""
    life = _life()
    codec = Codec(EVENTS)
    with psycopg.connect(url, autocommit=True) as connection, connection.transaction():
        connection.execute(_WORKSPACE)
        connection.execute(_STREAMS, (len(life), count // len(life)))
        connection.execute(
            _EVENTS.replace("% 16", "%% 16").encode(),
            {
                "at_a_time": _AT_A_TIME,
                "topics": [type(event).TOPIC for event in life],
                "states": [codec.encode(event) for event in life],
            },
        )
        connection.execute(_HEAD)


def _life() -> list[Any]:
    campaign = a_draft()
    campaign.change({"name": "Autumn sale", "tags": ["autumn", "sale"]}, by=ALICE, at=NOON)
    campaign.change({"description": "For all"}, by=ALICE, at=NOON)
    campaign.launch(by=ALICE, at=NOON)
    while campaign.version < EVENTS_EACH - 1:
        campaign.pause(by=ALICE, at=NOON)
        campaign.resume(by=ALICE, at=NOON)
    return list(campaign.collect_events())
