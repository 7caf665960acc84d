-- The first start: an epoch, and the key with which positions and cursors are sealed.

-- The timeline that is written now; what the last checkpoint knows is older for a while after a failover.
create function ballyhoo.timeline() returns int language sql stable as $f$
  select ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
$f$;

insert into ballyhoo.epochs(epoch, events_position, engagement_position, system_identifier, timeline)
  select gen_random_uuid(), 0, 0, system_identifier::text, ballyhoo.timeline() from pg_control_system();
insert into ballyhoo.secrets values
  ('seal', decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
