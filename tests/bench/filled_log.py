"""A log full of facts, made by the database itself: 72 label sets in each campaign, as many contacts as wanted, kinds
as a newsletter with a shop behind it has them, spread over the last days. A contact stays in its variant, segment and
country; four times of five it comes by its usual platform and device."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from adapters.read_models.schemas import ensure_schemas

_CAMPAIGNS = """
with made as (
  insert into ballyhoo.workspaces (id, name) values (gen_random_uuid(), gen_random_uuid()::text) returning number
)
insert into ballyhoo.streams (workspace, id, kind, version, currency)
select made.number, gen_random_uuid(), 'campaign', 1, 'USD' from made, generate_series(1, %s)
"""
_LABELS = """
insert into ballyhoo.label_sets (campaign, digest, variant, platform, segment, device, country)
select s.stream, gen_random_uuid(), v, p, g, d, c
  from ballyhoo.streams s, unnest(array['a', 'b', 'c']) v, unnest(array['email', 'instagram', 'x']) p,
    unnest(array['new', 'old']) g, unnest(array['phone', 'desktop']) d, unnest(array['FR', 'US']) c
 where s.stream in (select stream from ballyhoo.streams where kind = 'campaign' order by stream limit %s)
   and not exists (select from ballyhoo.label_sets l where l.campaign = s.stream)
 order by s.stream, v, g, c, p, d
"""
_HEAD = """
select position, (select min(stream) from ballyhoo.streams) + %s from ballyhoo.log_heads where log = 'engagement'
"""
# Kinds by a fixed deal of twenty; a contact is drawn anew for each fact. The sets of a campaign stand in the order of
# variant, segment and country, of which there are twelve, and in each platform and device, of which there are six.
_FACTS = """
insert into ballyhoo.facts (position, recorded_at, occurred_at, amount, contact, workspace, campaign, labels, quantity,
    kind, type, part, voided, id, properties)
select %(base)s + n, %(at)s::timestamptz + n * interval '1 microsecond',
    %(at)s::timestamptz - random() * %(days)s * interval '1 day',
    case when kind = 10 then 1999 end, contact, 1, c,
    l.first + who %% 12 * 6 + case when random() < 0.8 then who / 12 %% 6 else (random() * 5)::int end, 1,
    kind, case when kind = 10 then 1 else 0 end, get_byte(uuid_send(contact), 15) %% 16, false, 'made-' || n,
    case when kind in (7, 8, 9) and n %% 10 = 0 then '{"user_agent":"Mozilla/5.0"}' end
  from (
    select n, who, md5(who::text)::uuid as contact, %(first)s + (random() * (%(campaigns)s - 1))::int as c,
        (array[2, 3, 3, 3, 3, 7, 7, 7, 7, 7, 7, 8, 8, 8, 8, 9, 9, 9, 10, 10])[1 + n %% 20] as kind
      from (select n, (random() * %(contacts)s)::int as who from generate_series(1, %(count)s) n offset 0) d offset 0
  ) f join (select campaign, min(id) as first from ballyhoo.label_sets group by campaign) l on l.campaign = f.c
"""
_MOVE = "update ballyhoo.log_heads set position = %s, recorded_at = greatest(recorded_at, %s) where log = 'engagement'"


def prepare(url: str, campaigns: int) -> None:
    """Read models, a workspace and its campaigns with their label sets."""
    with psycopg.connect(url, autocommit=True) as connection:
        ensure_schemas(connection)
        connection.execute(_CAMPAIGNS, (campaigns,))
        label(connection, campaigns)


def label(connection: psycopg.Connection[Any], campaigns: int) -> None:
    """Label sets for the first ``campaigns`` of those that there are."""
    connection.execute(_LABELS, (campaigns,))


def append(url: str, count: int, at: datetime, *, campaigns: int, contacts: int, days: float, skipped: int = 0) -> None:
    """``count`` more facts of ``campaigns`` campaigns, those after the ``skipped`` first ones, recorded at ``at``; the
    head of the log moves over them."""
    with psycopg.connect(url, autocommit=True) as connection, connection.transaction():
        connection.execute("select ballyhoo.make_partition(%s)", (at,))
        row = connection.execute(_HEAD, (skipped,)).fetchone()
        assert row is not None
        asked = {
            "base": row[0], "first": row[1], "at": at, "days": days, "campaigns": campaigns, "contacts": contacts,
            "count": count,
        }  # fmt: skip
        connection.execute(_FACTS, asked)
        connection.execute(_MOVE, (row[0] + count, at))
