-- Old facts in files. A partition of the log that every reader has passed becomes one file of compressed blocks; what
-- the blocks hold stands here, so that a question knows which of them it needs. Partitions go the oldest first, so
-- every archived position is below every position in the table.

-- file: its name in the folder that the setting archive_folder names. sha256: of its manifest. recorded_from and
-- recorded_until: the bounds of the partition. table_bytes: what it took in the database, indexes included.
create table ballyhoo.archives (
  id int generated always as identity primary key,
  name text not null unique,
  file text not null unique,
  sha256 bytea not null,
  first_position bigint not null,
  last_position bigint not null,
  recorded_from timestamptz not null,
  recorded_until timestamptz not null,
  facts bigint not null,
  table_bytes bigint not null,
  file_bytes bigint not null,
  archived_at timestamptz not null default clock_timestamp(),
  dropped_at timestamptz
);
create index archives_last_position on ballyhoo.archives (last_position);

-- place, size: the bytes of the block in its file; sha256: of these. counts: facts of each of the campaigns.
-- parts: the virtual partition of each position from the first to the last, 255 where there is no fact.
-- contacts: a Bloom filter with two bits for each contact. The rows of a file outlive it: they say what was dropped.
create table ballyhoo.archived_blocks (
  archive int not null references ballyhoo.archives,
  number int not null,
  place bigint not null,
  size int not null,
  sha256 bytea not null,
  facts int not null,
  first_position bigint not null,
  last_position bigint not null,
  first_recorded timestamptz not null,
  last_recorded timestamptz not null,
  first_happened timestamptz not null,
  last_happened timestamptz not null,
  workspaces int[] not null,
  campaigns int[] not null,
  counts int[] not null,
  parts bytea not null,
  contacts bytea not null,
  primary key (archive, number)
);
create index archived_blocks_position on ballyhoo.archived_blocks (first_position);
create index archived_blocks_recorded on ballyhoo.archived_blocks (first_recorded);
-- A byte of them is read without the rest.
alter table ballyhoo.archived_blocks alter parts set storage external, alter contacts set storage external;

-- Facts recorded before a horizon were dropped for good: who did it, when, up to which position, and how many.
create table ballyhoo.horizons (
  id int generated always as identity primary key,
  recorded_before timestamptz not null,
  position bigint not null,
  facts bigint not null,
  moved_by text not null,
  moved_at timestamptz not null default clock_timestamp()
);
create trigger refuse_rewriting before update or delete on ballyhoo.horizons
  for each row execute function ballyhoo.refuse_rewriting();
create trigger refuse_truncating before truncate on ballyhoo.horizons
  for each statement execute function ballyhoo.refuse_rewriting();
grant select on ballyhoo.archives, ballyhoo.archived_blocks, ballyhoo.horizons to ballyhoo_engine, ballyhoo_reader;

-- How far the facts are in files. Until the caller's transaction ends, nothing more goes there: what it reads after this,
-- from the table and from the files together, is everything, each once.
create function ballyhoo.archived_up_to() returns bigint language plpgsql as $f$
begin
  lock table ballyhoo.facts in access share mode;
  return (select coalesce(max(last_position), 0) from ballyhoo.archives);
end $f$;

-- The virtual partition of an archived fact; null where there is none at this position.
create function ballyhoo.archived_part(p_position bigint) returns smallint language sql stable as $f$
  select nullif(get_byte(substr(b.parts, (p_position - b.first_position)::int + 1, 1), 0), 255)::smallint
    from (select first_position, last_position, parts from ballyhoo.archived_blocks
           where first_position <= p_position order by first_position desc limit 1) b
   where b.last_position >= p_position
$f$;

-- Whether a filter of contacts may hold one: two bits, chosen by the last six bytes, in a power of two of bits.
create function ballyhoo.may_hold(p_filter bytea, p_contact uuid) returns boolean language sql immutable as $f$
  select bool_and(get_byte(substr(p_filter, (bit >> 3) + 1, 1), 0) >> (bit & 7) & 1 = 1)
    from (select uuid_send(p_contact) as u, octet_length(p_filter) * 8 - 1 as mask) c,
      lateral (values
        ((get_byte(u, 10) << 16 | get_byte(u, 11) << 8 | get_byte(u, 12)) & mask),
        ((get_byte(u, 13) << 16 | get_byte(u, 14) << 8 | get_byte(u, 15)) & mask)) b(bit)
$f$;

-- Makes the partition that holds p_at and answers its end. It is made apart and then attached: that waits for nobody
-- who reads or appends, and nobody waits for it.
create or replace function ballyhoo.make_partition(p_at timestamptz) returns timestamptz
language plpgsql security definer set search_path = ballyhoo, pg_temp as $f$
declare period text; lo timestamptz; hi timestamptz; name text;
begin
  select value into period from settings where settings.name = 'archive_period';
  if period = 'month' then
    lo := date_trunc('month', p_at, 'UTC'); hi := (lo at time zone 'UTC' + interval '1 month') at time zone 'UTC';
    name := to_char(lo at time zone 'UTC', '"facts_"YYYYMM');
  else
    lo := to_timestamp(floor(extract(epoch from p_at) / period::int) * period::int);
    hi := lo + period::int * interval '1 second';
    name := 'facts_' || extract(epoch from lo)::bigint;
  end if;
  if to_regclass('ballyhoo.' || name) is null then
    -- The append that needs it and the worker that makes it ahead may meet.
    perform pg_advisory_xact_lock(7004);
    if to_regclass('ballyhoo.' || name) is null then
      execute format('create table ballyhoo.%I (like ballyhoo.facts including defaults)', name);
      execute format('grant select on ballyhoo.%I to ballyhoo_engine, ballyhoo_reader', name);
      execute format('alter table ballyhoo.facts attach partition ballyhoo.%I for values from (%L) to (%L)', name, lo, hi);
    end if;
  end if;
  return hi;
end $f$;

-- Makes the partition after the one that is appended to, so that no append has to.
create function ballyhoo.make_next_partition() returns void
language plpgsql security definer set search_path = ballyhoo, pg_temp as $f$
declare last timestamptz;
begin
  select greatest(recorded_at, clock_timestamp()) into last from log_heads where log = 'engagement';
  perform make_partition(make_partition(last));
end $f$;

-- As before, but that an archived fact is still there: for a group that is sent again, and for the partition of a void.
create or replace function ballyhoo.append_facts(
  p_facts ballyhoo.fact_in[], p_keys uuid[], p_orders int[], p_order_keys uuid[],
  p_new_workspaces int[], p_new_external text[], p_new_contacts uuid[],
  p_workspaces int[], p_erasures bigint[], p_voids boolean, p_appender uuid, p_batch bigint, p_clock timestamptz,
  out head bigint, out events_head bigint, out duplicates int[], out moved uuid[], out moved_to uuid[]
) language plpgsql security definer set search_path = ballyhoo, pg_temp as $f$
declare
  n int := cardinality(p_keys); base bigint; t0 timestamptz; last timestamptz; partition_end timestamptz; made int;
  refused int[]; woken int := 0; parts int; seen_batch bigint; seen_base bigint; erased boolean;
begin
  perform pg_advisory_xact_lock(7003);
  select (select position from log_heads where log = 'events'),
      exists (select 1 from unnest(p_workspaces, p_erasures) g(w, e) join workspaces on number = g.w where erasures <> g.e),
      (select batch from appenders where id = p_appender)
    into events_head, erased, seen_batch;
  if erased then raise exception 'contacts were erased meanwhile' using errcode = 'BH001'; end if;
  if seen_batch >= p_batch then
    if seen_batch > p_batch then raise exception 'this group was given up' using errcode = 'BH002'; end if;
    select a.base into seen_base from appenders a where id = p_appender;
    head := seen_base + n;
    select array_agg(o) into duplicates from generate_series(1, n) o
      where not exists (select 1 from facts f where f.position = seen_base + o) and archived_part(seen_base + o) is null;
    select array_agg(v.c), array_agg(i.contact) into moved, moved_to
      from unnest(p_new_workspaces, p_new_external, p_new_contacts) v(w, e, c)
      join contact_ids i on i.workspace = v.w and i.external = v.e where i.contact <> v.c;
    return;
  end if;

  update log_heads h set position = h.position + n,
      recorded_at = greatest(coalesce(p_clock, clock_timestamp()), h.recorded_at + interval '1 us') + (n - 1) * interval '1 us'
    where log = 'engagement'
    returning h.position - n, h.recorded_at - (n - 1) * interval '1 us', h.recorded_at, h.partition_until
    into base, t0, last, partition_end;
  head := base + n;
  if last >= partition_end then
    perform make_partition(t0);
    partition_end := make_partition(last);
    update log_heads set partition_until = partition_end where log = 'engagement';
  end if;
  if p_appender is not null then
    if seen_batch is null then
      delete from appenders where at < last - interval '7 days';
      insert into appenders values (p_appender, p_batch, base, last);
    else
      update appenders a set batch = p_batch, base = head - n, at = last where id = p_appender;
    end if;
  end if;

  if p_new_external is not null then
    insert into contact_ids select * from unnest(p_new_workspaces, p_new_external, p_new_contacts) v(w, e, c) order by 1, 2
      on conflict do nothing;
    get diagnostics made = row_count;
    if made < cardinality(p_new_external) then
      select array_agg(v.c), array_agg(i.contact) into moved, moved_to
        from unnest(p_new_workspaces, p_new_external, p_new_contacts) v(w, e, c)
        join contact_ids i on i.workspace = v.w and i.external = v.e where i.contact <> v.c;
    end if;
  end if;

  insert into fact_keys select k, base + o from unnest(p_keys) with ordinality v(k, o) on conflict do nothing;
  get diagnostics made = row_count;
  if made < n then
    update fact_keys f set position = base + w.o
      from (select k, min(o) as o from unnest(p_keys) with ordinality v(k, o) group by k) w
      where f.key = w.k and f.position < 0;
    get diagnostics woken = row_count;
    select array_agg(v.o::int) into duplicates from unnest(p_keys) with ordinality v(k, o)
      where not exists (select 1 from fact_keys f where f.key = v.k and f.position = base + v.o);
  end if;

  -- After the ids: a repeated id must not use up an order id.
  if p_orders is not null then
    insert into fact_keys select k, base + o from unnest(p_orders, p_order_keys) v(o, k)
      where duplicates is null or not o = any(duplicates) on conflict do nothing;
    get diagnostics made = row_count;
    if made < cardinality(p_orders) then
      select array_agg(o) into refused from unnest(p_orders, p_order_keys) v(o, k)
        where not exists (select 1 from fact_keys f where f.key = k and f.position = base + o);
      select array_agg(distinct d) into duplicates from unnest(duplicates || refused) w(d);
    end if;
  end if;

  -- The first void of a target in a campaign is the one that counts.
  if p_voids then
    insert into fact_voids(target, campaign, position)
      select v.voids, v.campaign, base + v.o from unnest(p_facts) with ordinality
          v(occurred_at, contact, voids, amount, quantity, part, workspace, campaign, labels, kind, type, id, order_id, properties, o)
        where v.voids is not null and (duplicates is null or not v.o::int = any(duplicates)) order by v.o
      on conflict do nothing;
    insert into fact_keys
      select v.voids, -(base + v.o) from unnest(p_facts) with ordinality
          v(occurred_at, contact, voids, amount, quantity, part, workspace, campaign, labels, kind, type, id, order_id, properties, o)
        where v.voids is not null and (duplicates is null or not v.o::int = any(duplicates)) order by v.o
      on conflict do nothing;
  end if;

  if duplicates is null and moved is null and woken = 0 and not p_voids then
    insert into facts(position, recorded_at, occurred_at, amount, contact, workspace, campaign, labels, quantity, kind, type,
        part, voided, id, order_id, properties)
      select base + f.o, t0 + (f.o - 1) * interval '1 us', coalesce(f.occurred_at, t0 + (f.o - 1) * interval '1 us'), f.amount,
          f.contact, f.workspace, f.campaign, f.labels, f.quantity, f.kind, f.type, f.part, false, f.id, f.order_id, f.properties
        from unnest(p_facts) with ordinality
          f(occurred_at, contact, voids, amount, quantity, part, workspace, campaign, labels, kind, type, id, order_id, properties, o);
    return;
  end if;

  select value::int into parts from settings where name = 'partitions';
  insert into facts(position, recorded_at, occurred_at, amount, voids_position, contact, voids, workspace, campaign, labels,
      quantity, kind, type, part, voided, id, order_id, properties)
    select base + f.o, t0 + (f.o - 1) * interval '1 us', coalesce(f.occurred_at, t0 + (f.o - 1) * interval '1 us'), f.amount,
        case when f.voids is not null and exists
            (select 1 from fact_voids w where w.target = f.voids and w.campaign = f.campaign and w.position = base + f.o)
          then (select k.position from fact_keys k where k.key = f.voids and k.position > 0 and k.position < base + f.o) end,
        f.who, f.voids, f.workspace, f.campaign, f.labels, f.quantity, f.kind, f.type,
        -- A void stands in the partition of what it takes back: one owner folds both, in their order.
        coalesce(
          case when f.voids is not null then
            (select case when k.position <= base
                           then coalesce((select t.part from facts t where t.position = k.position), archived_part(k.position))
                         else coalesce((get_byte(uuid_send(coalesce(moved_to[array_position(moved, i.contact)], i.contact)), 15) % parts)::smallint, i.part)
                    end
               from fact_keys k left join lateral (select (p_facts[k.position - base]).*) i on k.position > base
              where k.key = f.voids and k.position > 0) end,
          case when f.who is null then f.part else (get_byte(uuid_send(f.who), 15) % parts)::smallint end),
        (p_voids or woken > 0) and f.voids is null and exists
            (select 1 from fact_voids w where w.target = p_keys[f.o] and w.campaign = f.campaign and w.position < base + f.o),
        f.id, f.order_id, f.properties
      from (select v.*, case when moved is null then v.contact else coalesce(moved_to[array_position(moved, v.contact)], v.contact) end as who
              from unnest(p_facts) with ordinality
                v(occurred_at, contact, voids, amount, quantity, part, workspace, campaign, labels, kind, type, id, order_id, properties, o)) f
      where duplicates is null or not f.o::int = any(duplicates);
end $f$;

revoke all on function ballyhoo.make_next_partition from public;
grant execute on function ballyhoo.make_next_partition to ballyhoo_engine;
