-- Rules are data: a read model can be kept under another one beside the live one. A rule never changes; a better one
-- is another row. `bots`: {"words": [...]}, a fact is automatic when its user agent holds one of them (in lower case).
-- `time_zone`: {"time_zone": "Europe/Paris"}, where days begin.
create table ballyhoo.rules (
  name text primary key,
  kind text not null check (kind in ('bots', 'time_zone')),
  definition jsonb not null,
  live boolean not null default false,
  made_by text,
  made_at timestamptz not null default clock_timestamp()
);
create unique index rules_live on ballyhoo.rules (kind) where live;
insert into ballyhoo.rules (name, kind, definition, live)
  select name, 'bots', jsonb_build_object('words', words), live from ballyhoo.bot_rules;

drop table ballyhoo.bot_rules;
create view ballyhoo.bot_rules as
  select name, array(select jsonb_array_elements_text(definition -> 'words')) as words, live
    from ballyhoo.rules where kind = 'bots';
grant select on ballyhoo.rules, ballyhoo.bot_rules to ballyhoo_engine, ballyhoo_reader;
grant insert on ballyhoo.rules to ballyhoo_engine;

-- How often a job's process was started: one that dies again and again has failed.
alter table ballyhoo.jobs add column attempts int not null default 0;
create index jobs_open on ballyhoo.jobs (made_at) where state in ('queued', 'running');
