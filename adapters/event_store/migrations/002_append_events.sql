-- One round trip appends the events of a group of commands; each command stands or falls alone.
--
-- A command names one stream, the version it saw (0: the stream must be new), and how many of the events are its
-- own; the events stand in the order of their commands. The advisory lock makes the order of positions the order of
-- commits (so a reader that resumes after a position skips nothing) without holding up vacuum, as a table lock would.
-- `recorded_at` is read inside the lock and rises by at least a microsecond, so that a time names a position.
--
-- outcomes, one per command: 0 stored · 1 conflict (`stands` holds the version that stands) ·
--                            2 the key has an answer already · 3 fenced (the due work was taken over)
-- The events of what was stored have, one after the other, the positions from base + 1 and the times from
-- `recorded`, a microsecond apart; `engagement` is how far the other log was.
create type ballyhoo.command_in as (
  workspace int, stream_id uuid, kind text, expected bigint, events int, currency text,
  key text, fingerprint bytea, status int, body bytea, at bytea,
  due_id bigint, due_fence bigint
);
create type ballyhoo.event_in as (
  occurred_at timestamptz, event_id uuid, causation uuid, topic text, actor text, correlation text, state bytea,
  command int
);
-- due_at null: nothing of this kind waits any longer.
create type ballyhoo.due_in as (kind text, due_at timestamptz, command int);

-- The appender's connections ask for generic plans: to plan each statement anew for each group costs more than all
-- the rest. A lone command takes no array and few statements.
create function ballyhoo.append_events(
  p_commands ballyhoo.command_in[], p_events ballyhoo.event_in[], p_due ballyhoo.due_in[], p_clock timestamptz,
  out outcomes int[], out stands bigint[], out base bigint, out recorded timestamptz, out engagement bigint
) language plpgsql security definer set search_path = ballyhoo, pg_temp as $f$
declare
  c command_in;
  n int := cardinality(p_commands);
  i int := 0;
  outcome int; seen int := 0; stored int := 0; keyed boolean := false; stream_now int;
  -- For each command: its stream, how many events were stored up to its last, and what is added to the place of one
  -- of its events among all events to have that event's version, and its position above base.
  streams_of int[]; ends int[]; to_version bigint[]; to_position int[];
begin
  perform pg_advisory_xact_lock(7001);
  foreach c in array p_commands loop
    i := i + 1;
    outcome := 0;
    if c.key is not null then
      keyed := true;
      if exists (select from idempotency k where k.workspace = c.workspace and k.key = c.key) then outcome := 2; end if;
    end if;
    if outcome = 0 and c.due_id is not null then
      if not exists (select from due_work d where d.id = c.due_id and d.fence = c.due_fence) then outcome := 3; end if;
    end if;
    if outcome = 0 then
      if c.expected = 0 then
        insert into streams(workspace, id, kind, version, currency)
          values (c.workspace, c.stream_id, c.kind, c.events, c.currency)
          on conflict (workspace, id) do nothing returning stream into stream_now;
      else
        update streams set version = version + c.events
          where workspace = c.workspace and id = c.stream_id and kind = c.kind and version = c.expected
          returning stream into stream_now;
      end if;
      if found then
        streams_of[i] := stream_now;
        to_version[i] := c.expected - seen;
        to_position[i] := stored - seen;
        stored := stored + c.events;
        ends[i] := stored;
      else
        outcome := 1;
        stands := coalesce(stands, array_fill(0::bigint, array[n]));
        stands[i] := coalesce((select version from streams where workspace = c.workspace and id = c.stream_id), 0);
      end if;
    end if;
    outcomes[i] := outcome;
    seen := seen + c.events;
  end loop;
  if stored = 0 then return; end if;

  update log_heads set position = position + stored,
      recorded_at = greatest(coalesce(p_clock, clock_timestamp()), recorded_at + interval '1 us') + (stored - 1) * interval '1 us'
    where log = 'events'
    returning position - stored, recorded_at - (stored - 1) * interval '1 us',
      (select position from log_heads where log = 'engagement')
    into base, recorded, engagement;

  if n = 1 then
    insert into events(position, recorded_at, occurred_at, event_id, workspace, stream, version, part, causation, topic,
        actor, correlation, state)
      select base + o, recorded + (o - 1) * interval '1 us', occurred_at, event_id, c.workspace, stream_now, c.expected + o,
          get_byte(uuid_send(c.stream_id), 15) % (select value::int from settings where name = 'partitions'),
          causation, topic, actor, correlation, state
        from unnest(p_events) with ordinality e(occurred_at, event_id, causation, topic, actor, correlation, state, command, o);
  else
    insert into events(position, recorded_at, occurred_at, event_id, workspace, stream, version, part, causation, topic,
        actor, correlation, state)
      select base + to_position[command] + o, recorded + (to_position[command] + o - 1) * interval '1 us', occurred_at,
          event_id, p_commands[command].workspace, streams_of[command], to_version[command] + o,
          get_byte(uuid_send(p_commands[command].stream_id), 15) % (select value::int from settings where name = 'partitions'),
          causation, topic, actor, correlation, state
        from unnest(p_events) with ordinality e(occurred_at, event_id, causation, topic, actor, correlation, state, command, o)
        where outcomes[command] = 0;
  end if;

  if keyed then
    insert into idempotency(workspace, key, fingerprint, status, body, at, version, position, engagement, recorded_at)
      select k.workspace, k.key, k.fingerprint, k.status, k.body, k.at, k.expected + k.events, base + ends[o],
          append_events.engagement, recorded + (ends[o] - 1) * interval '1 us'
        from unnest(p_commands) with ordinality k(workspace, stream_id, kind, expected, events, currency,
          key, fingerprint, status, body, at, due_id, due_fence, o)
        where k.key is not null and outcomes[o] = 0;
  end if;

  if p_due is not null then
    delete from due_work d using unnest(p_due) w
      where outcomes[w.command] = 0 and w.due_at is null and d.stream = streams_of[w.command] and d.kind = w.kind;
    insert into due_work(workspace, stream, kind, due_at)
      select p_commands[w.command].workspace, streams_of[w.command], w.kind, w.due_at
        from unnest(p_due) w where outcomes[w.command] = 0 and w.due_at is not null
      on conflict (stream, kind) do update
        set due_at = excluded.due_at, fence = due_work.fence + 1, leased_until = null, leased_by = null, attempts = 0;
  end if;
end $f$;

-- A decision that made no event (a refusal) is kept under its key as well; the first one stands.
create function ballyhoo.keep_answer(
  p_workspace int, p_key text, p_fingerprint bytea, p_status int, p_body bytea
) returns void language sql security definer set search_path = ballyhoo, pg_temp as $f$
  insert into idempotency(workspace, key, fingerprint, status, body)
    values (p_workspace, p_key, p_fingerprint, p_status, p_body) on conflict do nothing
$f$;

-- Waiting for everything that was being appended when this was called: after it, no append that began earlier
-- is still open, so a time that has passed by then names a settled position.
create function ballyhoo.settle() returns void language plpgsql security definer set search_path = ballyhoo, pg_temp as $f$
begin
  perform pg_advisory_xact_lock_shared(7001);
  perform pg_advisory_xact_lock_shared(7003);
end $f$;

revoke all on function ballyhoo.append_events, ballyhoo.keep_answer, ballyhoo.settle from public;
grant execute on function ballyhoo.append_events, ballyhoo.keep_answer, ballyhoo.settle to ballyhoo_engine;
grant execute on function ballyhoo.settle to ballyhoo_reader;
