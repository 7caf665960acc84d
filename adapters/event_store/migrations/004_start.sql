-- The first start: an epoch, and the key with which positions and cursors are sealed.
insert into ballyhoo.epochs(epoch, events_position, engagement_position, system_identifier, timeline)
  select gen_random_uuid(), 0, 0, system_identifier::text, (select timeline_id from pg_control_checkpoint())
    from pg_control_system();
insert into ballyhoo.secrets values
  ('seal', decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
