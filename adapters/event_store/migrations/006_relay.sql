-- Where the relay stands in each log: everything up to `position` is in Kafka, and `lasts[p + 1]` is the last
-- position that partition p was told of, with none of its records between that and `position`. `moves` counts up
-- with every change and is what compare-and-set compares, so that a relay that lost the lease finds its move lost.
-- Under another epoch of the store, what was published above the position at which that epoch began no longer
-- stands for anything: the relay goes back to it.
create table ballyhoo.relay (
  log text primary key references ballyhoo.log_heads,
  moves bigint not null default 0,
  epoch uuid not null,
  position bigint not null default 0,
  lasts bigint[] not null,
  cluster_id text,
  topic_id text,
  moved_at timestamptz not null default clock_timestamp()
) with (fillfactor = 20);

grant select, insert, update on ballyhoo.relay to ballyhoo_engine;
grant select on ballyhoo.relay to ballyhoo_reader;
