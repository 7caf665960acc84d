-- A test that was refused because something else has its id leaves no mark on the campaign: what has the id is no test,
-- and the place falls free like that of any test that never came.
create or replace function ballyhoo.claim_ab_test(
  p_workspace int, p_campaign uuid, p_test uuid, out holder uuid, out earlier uuid[]
) language plpgsql security definer set search_path = ballyhoo, pg_temp as $f$
declare place ab_test_places; held_by int; ended boolean;
begin
  insert into ab_test_places(workspace, campaign, test) values (p_workspace, p_campaign, p_test) on conflict do nothing;
  select * into place from ab_test_places where workspace = p_workspace and campaign = p_campaign for update;
  holder := place.test;
  earlier := place.earlier;
  if place.test = p_test then return; end if;
  select stream into held_by from streams where workspace = p_workspace and id = place.test and kind = 'ab_test';
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

-- Who reads a test after its campaign's launch waits for the policy that starts it.
grant select on ballyhoo.policies to ballyhoo_reader;
