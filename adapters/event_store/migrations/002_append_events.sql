-- One round trip appends the events of a group of commands; each command stands or falls alone.
--
-- A command names one stream, the version it saw (0: the stream must be new), and its events in order. The
-- advisory lock makes the order of positions the order of commits (so a reader that resumes after a position
-- skips nothing) without holding up vacuum, as a table lock would. `recorded_at` is read inside the lock and
-- rises by at least a microsecond, so that a time names a position.
--
-- outcome per command: 0 stored · 1 conflict (version = the one that stands) · 2 the key has an answer already ·
--                      3 fenced (the due work was taken over)
create type ballyhoo.command_in as (
  workspace int, stream_id uuid, kind text, expected bigint, currency text,
  key text, fingerprint bytea, status int, body bytea, at bytea,
  due_id bigint, due_fence bigint
);
create type ballyhoo.event_in as (
  command int, occurred_at timestamptz, event_id uuid, causation uuid, topic text, actor text, correlation text,
  state bytea
);
-- due_at null: nothing of this kind waits any longer.
create type ballyhoo.due_in as (command int, kind text, due_at timestamptz);

create function ballyhoo.append_events(
  p_commands ballyhoo.command_in[], p_events ballyhoo.event_in[], p_due ballyhoo.due_in[], p_clock timestamptz,
  out outcomes int[], out positions bigint[], out versions bigint[], out times timestamptz[], out engagement bigint
) language plpgsql security definer set search_path = ballyhoo, pg_temp as $f$
declare
  n int := cardinality(p_commands);
  counts int[]; streams_of int[]; stream_now int; version_now bigint;
  base bigint; t0 timestamptz; total int := 0; parts int;
  c ballyhoo.command_in; s record;
begin
  perform pg_advisory_xact_lock(7001);
  select position into engagement from log_heads where log = 'engagement';
  select value::int into parts from settings where name = 'partitions';
  outcomes := array_fill(0, array[n]);
  positions := array_fill(null::bigint, array[n]);
  versions := array_fill(null::bigint, array[n]);
  times := array_fill(null::timestamptz, array[n]);
  streams_of := array_fill(null::int, array[n]);
  select array_agg(coalesce(e.n, 0) order by o) into counts
    from generate_series(1, n) o left join (select command, count(*)::int n from unnest(p_events) group by 1) e on e.command = o;

  for i in 1..n loop
    c := p_commands[i];
    if c.key is not null then
      perform 1 from idempotency k where k.workspace = c.workspace and k.key = c.key;
      if found then outcomes[i] := 2; continue; end if;
    end if;
    if c.due_id is not null then
      perform 1 from due_work d where d.id = c.due_id and d.fence = c.due_fence;
      if not found then outcomes[i] := 3; continue; end if;
    end if;
    if c.expected = 0 then
      insert into streams(workspace, id, kind, version, currency)
        values (c.workspace, c.stream_id, c.kind, counts[i], c.currency)
        on conflict (workspace, id) do nothing returning stream into stream_now;
      if not found then
        outcomes[i] := 1;
        select version into version_now from streams where workspace = c.workspace and id = c.stream_id;
        versions[i] := version_now; continue;
      end if;
    else
      update streams set version = version + counts[i]
        where workspace = c.workspace and id = c.stream_id and kind = c.kind and version = c.expected
        returning stream into stream_now;
      if not found then
        outcomes[i] := 1;
        select version into version_now from streams where workspace = c.workspace and id = c.stream_id;
        versions[i] := coalesce(version_now, 0); continue;
      end if;
    end if;
    streams_of[i] := stream_now;
    total := total + counts[i];
    versions[i] := c.expected + counts[i];
  end loop;

  if total = 0 then return; end if;

  update log_heads set position = position + total,
      recorded_at = greatest(coalesce(p_clock, clock_timestamp()), recorded_at + interval '1 us') + (total - 1) * interval '1 us'
    where log = 'events'
    returning position - total, recorded_at - (total - 1) * interval '1 us' into base, t0;

  with stored as (
    select e.*, row_number() over (order by e.ord) as r, row_number() over (partition by e.command order by e.ord) as v
      from unnest(p_events) with ordinality
        as e(command, occurred_at, event_id, causation, topic, actor, correlation, state, ord)
      where streams_of[e.command] is not null
  ), written as (
    insert into events(position, recorded_at, occurred_at, event_id, workspace, stream, version, part, causation, topic, actor,
        correlation, state)
      select base + r, t0 + (r - 1) * interval '1 us', occurred_at, event_id, p_commands[command].workspace,
          streams_of[command], p_commands[command].expected + v,
          (get_byte(uuid_send(p_commands[command].stream_id), 15) % parts)::smallint,
          causation, topic, actor, correlation, state
        from stored
  )
  select array_agg(l.p order by o), array_agg(l.t order by o) into positions, times
    from generate_series(1, n) o
    left join (select command, base + max(r) as p, t0 + (max(r) - 1) * interval '1 us' as t from stored group by command) l
      on l.command = o;

  insert into idempotency(workspace, key, fingerprint, status, body, at, version, position, engagement, recorded_at)
    select k.workspace, k.key, k.fingerprint, k.status, k.body, k.at, versions[k.o], positions[k.o], engagement, times[k.o]
      from unnest(p_commands) with ordinality
        as k(workspace, stream_id, kind, expected, currency, key, fingerprint, status, body, at, due_id, due_fence, o)
      where k.key is not null and outcomes[k.o] = 0;

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
