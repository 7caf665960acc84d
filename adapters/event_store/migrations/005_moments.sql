-- A time names a position: the last one recorded at or before it, in each log.
-- Times rise with positions, so each log is searched by halves on its index of positions: a few dozen probes at any
-- size, and no index on time to be kept.
create function ballyhoo.positions_at(
  p_at timestamptz, out now timestamptz, out events bigint, out engagement bigint
) language plpgsql stable security definer set search_path = ballyhoo, pg_temp as $f$
declare lo bigint := 0; hi bigint; mid bigint; seen record;
begin
  now := clock_timestamp();
  -- The events have every position up to their head.
  select position into hi from log_heads where log = 'events';
  while lo < hi loop
    mid := (lo + hi + 1) / 2;
    if (select e.recorded_at from events e where e.position = mid) <= p_at then lo := mid; else hi := mid - 1; end if;
  end loop;
  events := lo;

  -- Of the facts, repeated ones have none.
  lo := 0;
  select position into hi from log_heads where log = 'engagement';
  -- Invariant: every fact at or below lo was recorded in time, every fact above hi too late.
  while lo < hi loop
    mid := (lo + hi + 1) / 2;
    select f.position, f.recorded_at into seen from facts f where f.position between lo + 1 and mid order by f.position desc limit 1;
    if not found then
      -- No fact in (lo, mid]: look at the next one above.
      select f.position, f.recorded_at into seen from facts f where f.position > mid and f.position <= hi order by f.position limit 1;
      if not found or seen.recorded_at > p_at then exit; end if;
      lo := seen.position;
    elsif seen.recorded_at <= p_at then lo := mid;
    else hi := seen.position - 1;
    end if;
  end loop;
  engagement := lo;
end $f$;
revoke all on function ballyhoo.positions_at from public;
grant execute on function ballyhoo.positions_at to ballyhoo_engine, ballyhoo_reader;

-- The epoch in force. A server with another identity or timeline than the last epoch's holds a restored or failed-over
-- state: a new epoch begins at the heads of the logs, so that nothing recorded later passes for something seen before.
create function ballyhoo.current_epoch(p_restored boolean default false) returns uuid
language plpgsql security definer set search_path = ballyhoo, pg_temp as $f$
declare last epochs; identity text; line int; made uuid;
begin
  select system_identifier::text into identity from pg_control_system();
  line := timeline();
  select * into last from epochs order by began_at desc limit 1;
  if not p_restored and last.system_identifier = identity and last.timeline = line then return last.epoch; end if;
  perform pg_advisory_xact_lock(7001);
  perform pg_advisory_xact_lock(7003);
  select * into last from epochs order by began_at desc limit 1;
  if not p_restored and last.system_identifier = identity and last.timeline = line then return last.epoch; end if;
  -- The clock of another server may be behind; the order of epochs must not be.
  insert into epochs(epoch, began_at, events_position, engagement_position, system_identifier, timeline)
    select gen_random_uuid(), greatest(clock_timestamp(), last.began_at + interval '1 us'),
      (select position from log_heads where log = 'events'),
      (select position from log_heads where log = 'engagement'), identity, line
    returning epoch into made;
  return made;
end $f$;
revoke all on function ballyhoo.current_epoch from public;
grant execute on function ballyhoo.current_epoch to ballyhoo_engine, ballyhoo_reader;
