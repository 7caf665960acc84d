-- A campaign has one A/B test at a time: this row is its place. It is taken before the test's first event is appended; one
-- that was taken for a test that never came falls free after a minute. `earlier` are the tests that held it before.
create table ballyhoo.ab_test_places (
  workspace int not null,
  campaign uuid not null,
  test uuid not null,
  claimed_at timestamptz not null default clock_timestamp(),
  earlier uuid[] not null default '{}',
  primary key (workspace, campaign)
);

create function ballyhoo.claim_ab_test(
  p_workspace int, p_campaign uuid, p_test uuid, out holder uuid, out earlier uuid[]
) language plpgsql security definer set search_path = ballyhoo, pg_temp as $f$
declare place ab_test_places; held_by int; ended boolean;
begin
  insert into ab_test_places(workspace, campaign, test) values (p_workspace, p_campaign, p_test) on conflict do nothing;
  select * into place from ab_test_places where workspace = p_workspace and campaign = p_campaign for update;
  holder := place.test;
  earlier := place.earlier;
  if place.test = p_test then return; end if;
  select stream into held_by from streams where workspace = p_workspace and id = place.test;
  if held_by is null then
    if place.claimed_at > clock_timestamp() - interval '1 minute' then return; end if;
  else
    select exists (select from events where stream = held_by
        and topic in ('ab-test.completed', 'ab-test.cancelled', 'ab-test.winner-applied')) into ended;
    if not ended then return; end if;
    earlier := earlier || place.test;
  end if;
  holder := p_test;
  update ab_test_places p set test = p_test, claimed_at = clock_timestamp(), earlier = claim_ab_test.earlier
    where p.workspace = p_workspace and p.campaign = p_campaign;
end $f$;
revoke all on function ballyhoo.claim_ab_test from public;
grant execute on function ballyhoo.claim_ab_test to ballyhoo_engine;
grant select, update, delete on ballyhoo.ab_test_places to ballyhoo_engine;

-- How far each policy has followed the events: moved by compare-and-set.
create table ballyhoo.policies (name text primary key, position bigint not null default 0) with (fillfactor = 20);
insert into ballyhoo.policies(name) values ('campaigns_and_tests');
grant select, update on ballyhoo.policies to ballyhoo_engine;
