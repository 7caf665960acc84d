-- Everything that the write side keeps, in one schema. Read models live in schemas of their own.
create schema ballyhoo;

-- The engine writes and folds; the reader sees what the API's queries may see. Neither owns anything: appends
-- go through functions that run with their owner's rights. Roles belong to the whole server, so another database
-- may have made them already, or be making them this moment.
do $$
declare r text;
begin
  foreach r in array array['ballyhoo_engine', 'ballyhoo_reader'] loop
    begin
      if not exists (select 1 from pg_roles where rolname = r) then execute format('create role %I nologin', r); end if;
    exception when duplicate_object or unique_violation then null;
    end;
  end loop;
end $$;
grant ballyhoo_engine to current_user;
grant ballyhoo_reader to current_user;
grant usage on schema ballyhoo to ballyhoo_engine, ballyhoo_reader;

-- settings ---------------------------------------------------------------------------------------------------

-- partitions: virtual partitions of both logs, never changed after the first start.
-- archive_period: seconds of one partition of the engagement log; 'month' is the default.
create table ballyhoo.settings (name text primary key, value text not null);
insert into ballyhoo.settings values ('partitions', '16'), ('archive_period', 'month');

create table ballyhoo.secrets (name text primary key, value bytea not null);

create table ballyhoo.epochs (
  epoch uuid primary key,
  began_at timestamptz not null default clock_timestamp(),
  events_position bigint not null,
  engagement_position bigint not null,
  system_identifier text not null,
  timeline int not null
);

create table ballyhoo.log_heads (
  log text primary key,
  position bigint not null,
  recorded_at timestamptz not null,
  partition_until timestamptz not null default '-infinity'
) with (fillfactor = 20);
insert into ballyhoo.log_heads values ('events', 0, 'epoch'), ('engagement', 0, 'epoch');

-- workspaces and keys ----------------------------------------------------------------------------------------

create table ballyhoo.workspaces (
  number int generated always as identity primary key,
  id uuid not null unique,
  name text not null unique,
  erasures bigint not null default 0
);

-- Only the hash of a key is kept: the key itself cannot be had from a stolen database.
create table ballyhoo.api_keys (
  id uuid primary key,
  workspace int not null references ballyhoo.workspaces,
  role text not null,
  hash bytea not null unique,
  made_at timestamptz not null default clock_timestamp(),
  revoked_at timestamptz
);

-- events -----------------------------------------------------------------------------------------------------

-- One row per stream; what tracking must know of a campaign without loading it stands here.
create table ballyhoo.streams (
  stream int generated always as identity primary key,
  workspace int not null,
  id uuid not null,
  kind text not null,
  version bigint not null,
  currency text,
  unique (workspace, id)
) with (fillfactor = 70);

create table ballyhoo.events (
  position bigint primary key,
  recorded_at timestamptz not null,
  occurred_at timestamptz not null,
  event_id uuid not null unique,
  workspace int not null,
  stream int not null,
  version bigint not null,
  part smallint not null,
  causation uuid,
  topic text not null,
  actor text not null,
  correlation text not null,
  state bytea not null,
  unique (stream, version)
);

create table ballyhoo.snapshots (
  stream int not null,
  version bigint not null,
  topic text not null,
  state bytea not null,
  primary key (stream, version)
);

create table ballyhoo.idempotency (
  workspace int not null,
  key text not null,
  fingerprint bytea not null,
  status int not null,
  body bytea not null,
  at bytea not null default '',
  version bigint,
  position bigint,
  engagement bigint,
  recorded_at timestamptz,
  made_at timestamptz not null default clock_timestamp(),
  primary key (workspace, key)
);
create index idempotency_made_at on ballyhoo.idempotency (made_at);

create table ballyhoo.due_work (
  id bigint generated always as identity primary key,
  workspace int not null,
  stream int not null,
  kind text not null,
  due_at timestamptz not null,
  fence bigint not null default 0,
  leased_until timestamptz,
  leased_by uuid,
  attempts int not null default 0,
  last_error text,
  unique (stream, kind)
);
create index due_work_due_at on ballyhoo.due_work (due_at);

-- the engagement log -----------------------------------------------------------------------------------------

create table ballyhoo.facts (
  position bigint not null,
  recorded_at timestamptz not null,
  occurred_at timestamptz not null,
  amount bigint,
  voids_position bigint,
  contact uuid,
  voids uuid,
  workspace int not null,
  campaign int,
  labels int,
  quantity int not null,
  kind int not null,
  type smallint not null,
  part smallint not null,
  voided boolean not null,
  id text not null,
  order_id text,
  properties text
) partition by range (recorded_at);
create index facts_position on ballyhoo.facts (position);
create index facts_campaign on ballyhoo.facts (campaign, occurred_at);
create index facts_contact on ballyhoo.facts (contact, position) where contact is not null;
create index facts_voids_position on ballyhoo.facts (voids_position) where voids_position is not null;

-- Ids and order ids that were ever used; they outlive the partitions of the facts. A negative position is that of a void
-- whose target has not come yet.
create table ballyhoo.fact_keys (key uuid primary key, position bigint not null);

-- The first void of a fact in a campaign: later ones have no effect, and a fact that comes after its void is
-- stored as voided.
create table ballyhoo.fact_voids (
  target uuid not null,
  campaign int not null,
  position bigint not null,
  primary key (target, campaign)
);

create table ballyhoo.contact_ids (
  workspace int not null,
  external text not null,
  contact uuid not null,
  primary key (workspace, external)
);
create index contact_ids_contact on ballyhoo.contact_ids (contact);

create table ballyhoo.label_sets (
  id int generated always as identity primary key,
  campaign int not null,
  digest uuid not null,
  variant text, platform text, segment text, device text, country text, link text,
  unique (campaign, digest)
);

create table ballyhoo.custom_kinds (
  kind int generated always as identity (start with 100) primary key,
  workspace int not null,
  name text not null,
  unique (workspace, name)
);

-- A bot rule is data: a fact is automatic when its user agent holds one of the words (compared in lower case).
create table ballyhoo.bot_rules (
  name text primary key,
  words text[] not null,
  live boolean not null default false
);
create unique index bot_rules_live on ballyhoo.bot_rules (live) where live;

-- Reasons why facts or events were left out of a projection, replayable.
create table ballyhoo.parked (
  id bigint generated always as identity primary key,
  workspace int not null,
  projection text not null,
  log text not null,
  position bigint not null,
  stream int,
  reason text not null,
  parked_at timestamptz not null default clock_timestamp(),
  unique (projection, log, position)
);

-- running processes ------------------------------------------------------------------------------------------

create table ballyhoo.leases (
  name text primary key,
  owner uuid not null,
  until timestamptz not null,
  fence bigint not null default 1
);

create table ballyhoo.processes (
  id uuid primary key,
  kind text not null,
  pid int not null,
  started_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp(),
  status jsonb not null default '{}'
);

-- jobs: long work asked for over HTTP or the command line.
create table ballyhoo.jobs (
  id uuid primary key,
  workspace int not null,
  kind text not null,
  request jsonb not null,
  state text not null default 'queued',
  done bigint not null default 0,
  total bigint not null default 0,
  error text,
  result jsonb,
  actor text not null,
  cancel_asked boolean not null default false,
  leased_until timestamptz,
  leased_by uuid,
  made_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz
);

-- the log is never rewritten ---------------------------------------------------------------------------------

create function ballyhoo.refuse_rewriting() returns trigger language plpgsql as $$
begin
  raise exception '% on %.% is refused: the log is never rewritten', tg_op, tg_table_schema, tg_table_name
    using errcode = 'restrict_violation';
end $$;

create trigger refuse_rewriting before update or delete on ballyhoo.events
  for each row execute function ballyhoo.refuse_rewriting();
create trigger refuse_truncating before truncate on ballyhoo.events
  for each statement execute function ballyhoo.refuse_rewriting();
create trigger refuse_rewriting before update or delete on ballyhoo.facts
  for each row execute function ballyhoo.refuse_rewriting();
create trigger refuse_truncating before truncate on ballyhoo.facts
  for each statement execute function ballyhoo.refuse_rewriting();

-- rights -----------------------------------------------------------------------------------------------------

grant select on all tables in schema ballyhoo to ballyhoo_engine;
grant select on ballyhoo.settings, ballyhoo.epochs, ballyhoo.log_heads, ballyhoo.workspaces, ballyhoo.streams,
  ballyhoo.events, ballyhoo.snapshots, ballyhoo.facts, ballyhoo.contact_ids, ballyhoo.label_sets,
  ballyhoo.custom_kinds, ballyhoo.bot_rules, ballyhoo.parked, ballyhoo.leases, ballyhoo.processes, ballyhoo.jobs,
  ballyhoo.due_work, ballyhoo.fact_keys to ballyhoo_reader;
grant insert, update, delete on ballyhoo.snapshots, ballyhoo.idempotency, ballyhoo.due_work, ballyhoo.parked,
  ballyhoo.leases, ballyhoo.processes, ballyhoo.jobs, ballyhoo.api_keys, ballyhoo.label_sets,
  ballyhoo.custom_kinds, ballyhoo.bot_rules to ballyhoo_engine;
grant insert on ballyhoo.workspaces to ballyhoo_engine;
grant usage on all sequences in schema ballyhoo to ballyhoo_engine;
