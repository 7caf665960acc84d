-- One round trip appends the facts of a group of requests, each id and order id once for ever.
-- The shape follows measurements: one binary array of a composite type, small statements inside plpgsql (which
-- keeps their plans), one unpartitioned table of keys.

-- Makes the partition that holds p_at and answers its end.
create function ballyhoo.make_partition(p_at timestamptz) returns timestamptz
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
    execute format('create table ballyhoo.%I partition of ballyhoo.facts for values from (%L) to (%L)', name, lo, hi);
    execute format('grant select on ballyhoo.%I to ballyhoo_engine, ballyhoo_reader', name);
  end if;
  return hi;
end $f$;

-- The last group that each appending process committed: a group that is sent again because its reply was lost is
-- recognised here and answered as it was the first time.
create table ballyhoo.appenders (
  id uuid primary key,
  batch bigint not null,
  base bigint not null,
  at timestamptz not null
) with (fillfactor = 20);
grant select on ballyhoo.appenders to ballyhoo_engine;

-- Keys of facts are made with a secret mask of the workspace, so that no workspace can make another's; it must never
-- change, or what was seen once would count again.
insert into ballyhoo.secrets values
  ('fact_keys', decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));

create type ballyhoo.fact_in as (
  occurred_at timestamptz, contact uuid, voids uuid, amount bigint, quantity int, part smallint,
  workspace int, campaign int, labels int, kind int, type smallint, id text, order_id text, properties text
);

-- p_keys: the key of each fact. A void that comes before its target leaves the target's key with a negative position,
--   so that only a collision of keys has to look for voids.
-- p_orders: 1-based index of the fact and its order's key, for conversions that carry an order id.
-- p_new_*: contacts that the process does not know, with the uuid it made for each.
-- p_erasures: the erasure counter of each workspace under which the process cached contacts; a moved one refuses
--   the whole group (BH001), and the process reads its contacts anew.
-- p_voids: whether the group holds a void.
-- p_appender, p_batch: who appends, and a number that rises with each group. The same number again answers what the
--   first answered and writes nothing; a smaller one is refused (BH002): its process gave it up.
-- duplicates: 1-based indexes of facts that were there already; a duplicate leaves a gap in positions.
-- moved, moved_to: contacts that were known by another uuid than the process made.
create function ballyhoo.append_facts(
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
      where not exists (select 1 from facts f where f.position = seen_base + o);
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
            (select case when k.position <= base then (select t.part from facts t where t.position = k.position)
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

-- Label sets and custom kinds are interned outside the append: an unused one does no harm.
create function ballyhoo.intern_label_sets(
  p_campaigns int[], p_digests uuid[], p_variant text[], p_platform text[], p_segment text[], p_device text[],
  p_country text[], p_link text[]
) returns int[] language plpgsql security definer set search_path = ballyhoo, pg_temp as $f$
declare ids int[];
begin
  insert into label_sets(campaign, digest, variant, platform, segment, device, country, link)
    select * from unnest(p_campaigns, p_digests, p_variant, p_platform, p_segment, p_device, p_country, p_link) order by 1, 2
    on conflict do nothing;
  select array_agg(l.id order by w.o) into ids
    from unnest(p_campaigns, p_digests) with ordinality w(c, d, o) join label_sets l on l.campaign = w.c and l.digest = w.d;
  return ids;
end $f$;

create function ballyhoo.intern_custom_kinds(p_workspaces int[], p_names text[]) returns int[]
language plpgsql security definer set search_path = ballyhoo, pg_temp as $f$
declare kinds int[];
begin
  insert into custom_kinds(workspace, name) select * from unnest(p_workspaces, p_names) order by 1, 2 on conflict do nothing;
  select array_agg(k.kind order by w.o) into kinds
    from unnest(p_workspaces, p_names) with ordinality w(s, n, o) join custom_kinds k on k.workspace = w.s and k.name = w.n;
  return kinds;
end $f$;

revoke all on function ballyhoo.make_partition, ballyhoo.append_facts, ballyhoo.intern_label_sets, ballyhoo.intern_custom_kinds
  from public;
grant execute on function ballyhoo.make_partition, ballyhoo.append_facts, ballyhoo.intern_label_sets,
  ballyhoo.intern_custom_kinds to ballyhoo_engine;

-- The first rule: agents that declare themselves, mail image proxies and scanners, and libraries that people do
-- not read mail with. A later rule is another row, and a rebuild under its name answers beside the live one.
insert into ballyhoo.bot_rules(name, live, words) values ('1', true, array[
  'bot', 'crawl', 'spider', 'slurp', 'headless', 'phantomjs', 'puppeteer', 'playwright', 'selenium', 'lighthouse',
  'googleimageproxy', 'ggpht.com', 'yahoomailproxy', 'mimecast', 'proofpoint', 'barracuda', 'safelinks', 'trustwave',
  'symantec', 'microsoft office existence discovery', 'curl/', 'wget/', 'python-requests', 'python-urllib', 'aiohttp',
  'httpx', 'go-http-client', 'java/', 'okhttp', 'apache-httpclient', 'libwww-perl', 'node-fetch', 'axios/', 'scrapy',
  'facebookexternalhit', 'bingpreview', 'uptime', 'pingdom', 'amazonaws', 'amazon cloudfront', 'google-cloud',
  'azure', 'digitalocean', 'datacenter', 'data-center', 'hetzner', 'ovh'
]);
