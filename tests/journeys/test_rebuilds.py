"""Read models rebuilt over HTTP, as jobs: what is answered stays right, and what was wrong is named and mended."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.read_models.rebuild.places import LOCK
from adapters.read_models.schemas import rule_schema
from projections.campaign_metrics import CAMPAIGN_METRICS
from tests.infra.serving import run
from tests.journeys.conftest import Whole
from tests.support.campaigns import drafted
from tests.support.client import Answer, Client
from tests.support.server import Product
from tests.waiting import wait_until

CLICKS = 12
AFTERWARDS = 10_000


@pytest.fixture(scope="module")
def owner(whole: Whole) -> Client:
    """A workspace with a campaign that was clicked, by people and by a monitor."""
    return whole.client()


@pytest.fixture(scope="module")
def clicked(owner: Client) -> str:
    """That campaign: twelve clicks by twelve people, three of them by a monitor in truth."""
    campaign = drafted(owner)
    agents = ["Mozilla/5.0"] * (CLICKS - 3) + ["Uptrends monitoring/1.0"] * 3
    told = owner.track(
        *(
            {"kind": "click", "campaign_id": campaign, "contact_id": f"c{number}", "properties": {"user_agent": agent}}
            for number, agent in enumerate(agents)
        )
    )
    owner.get(f"/v1/campaigns/{campaign}/metrics", after=told.body["position"], wait=20).ok()
    return campaign


def done(client: Client, accepted: Answer) -> dict[str, object]:
    """The job of a 202, once it has ended."""
    path = accepted.headers["location"]
    assert path == f"/v1/jobs/{accepted.body['id']}"
    found: dict[str, object] = {}

    def ended() -> bool:
        found.update(client.get(path).ok().body)
        return found["state"] not in ("queued", "running")

    wait_until(ended, 60)
    return found


@pytest.mark.req("EVT-4")
def test_a_rebuild_is_a_job_whose_result_equals_the_live_tables(owner: Client, clicked: str) -> None:
    accepted = owner.post("/v1/rebuilds", {"projections": ["campaign_metrics", "campaign_list"]}).ok(202)
    assert (accepted.body["state"], accepted.body["result"]) == ("queued", None)
    watched = owner.get(accepted.headers["location"], after=accepted.position, wait=1).ok()
    assert owner.get("/v1/campaigns", after=watched.position, wait=20).ok()

    job = done(owner, accepted)

    assert (job["state"], job["error"]) == ("succeeded", None), job
    assert job["done"] == job["total"]
    assert set(job["result"]) == {"campaign_metrics", "campaign_list"}  # type: ignore[call-overload]
    for result in job["result"].values():  # type: ignore[attr-defined]
        assert result["rows"] > 0
        assert result["checksum_live"] == result["checksum_rebuilt"]
        assert result["first_difference"] is None
    assert owner.get(f"/v1/campaigns/{clicked}/metrics").ok().body["total"]["clicks"] == CLICKS


@pytest.mark.req("EVT-4")
def test_a_row_altered_by_hand_is_named_and_right_after_the_swap(whole: Whole, owner: Client, clicked: str) -> None:
    with psycopg.connect(whole.product.dsn, autocommit=True) as connection:
        row = connection.execute("select stream from ballyhoo.streams where id = %s", (UUID(clicked),)).fetchone()
        assert row is not None
        connection.execute("update campaign_metrics_v1.totals set n = n + 5 where campaign = %s", (row[0],))
    assert owner.get(f"/v1/campaigns/{clicked}/metrics").ok().body["total"]["clicks"] == CLICKS + 5

    job = done(owner, owner.post("/v1/rebuilds", {"projections": ["campaign_metrics"]}).ok(202))

    result = job["result"]["campaign_metrics"]  # type: ignore[index]
    print(result["first_difference"])
    assert result["checksum_live"] != result["checksum_rebuilt"]
    assert result["first_difference"]["table"] == "totals"
    assert result["first_difference"]["key"]["campaign"] == row[0]
    assert (result["first_difference"]["live"], result["first_difference"]["rebuilt"]) == (
        {"n": CLICKS + 5},
        {"n": CLICKS},
    )
    assert owner.get(f"/v1/campaigns/{clicked}/metrics").ok().body["total"]["clicks"] == CLICKS


@pytest.mark.req("EVT-11")
def test_a_changed_bot_rule_answers_beside_the_live_one_and_the_campaigns_that_differ_are_named(
    owner: Client, clicked: str
) -> None:
    name = f"strict-{uuid4().hex[:8]}"
    other = drafted(owner)
    told = owner.track({"kind": "click", "campaign_id": other, "contact_id": "x"})
    owner.get(f"/v1/campaigns/{other}/metrics", after=told.body["position"], wait=20).ok()
    before = owner.pages("/v1/facts", campaign_id=clicked)
    rule = {"name": name, "kind": "bots", "definition": {"words": ["Monitoring"]}}

    owner.post("/v1/rules", rule).ok(201)
    assert owner.get(f"/v1/campaigns/{clicked}/metrics", rule=name).status == 404
    job = done(owner, owner.post("/v1/rebuilds", {"rule": name}).ok(202))
    assert job["state"] == "succeeded", job

    live = owner.get(f"/v1/campaigns/{clicked}/metrics").ok().body["total"]
    kept = owner.get(f"/v1/campaigns/{clicked}/metrics", rule=name).ok().body["total"]
    assert (live["clicks"], live["bots"]["rule"], live["bots"]["clicks"]) == (CLICKS, "1", 0)
    assert (kept["clicks"], kept["bots"]["rule"], kept["bots"]["clicks"]) == (CLICKS - 3, name, 3)
    funnel = owner.get(f"/v1/campaigns/{clicked}/funnel", rule=name, stages="click").ok().body
    assert funnel["stages"][0]["count"] == CLICKS - 3
    owner.get(f"/v1/campaigns/{clicked}/roi", rule=name).ok()
    compared = owner.get(f"/v1/rules/{name}/comparison").ok().body
    print(compared)
    assert [item["campaign_id"] for item in compared["items"]] == [clicked]
    first = compared["items"][0]
    assert (first["live"]["clicks"], first["kept"]["clicks"]) == (CLICKS, CLICKS - 3)
    rules = {found["name"]: found for found in owner.get("/v1/rules").ok().body["items"]}
    assert (rules[name]["kept"], rules[name]["live"]) == (True, False)
    assert owner.pages("/v1/facts", campaign_id=clicked) == before
    for question in ("metrics", "funnel", "roi"):
        assert owner.get(f"/v1/campaigns/{clicked}/{question}", rule=name).ok().body["rule"] == name
        assert "rule" not in owner.get(f"/v1/campaigns/{clicked}/{question}").ok().body
    later = owner.track({"kind": "click", "campaign_id": clicked, "properties": {"user_agent": "a MONITORING robot"}})
    read = owner.get(f"/v1/campaigns/{clicked}/metrics", rule=name, after=later.position, wait=20).ok()
    assert read.body["total"]["bots"]["clicks"] == 4


@pytest.mark.req("EVT-11")
def test_what_the_live_tables_were_made_without_counts_under_a_rule_that_has_it(
    whole: Whole, owner: Client, clicked: str
) -> None:
    name = f"whole-{uuid4().hex[:8]}"
    owner.post("/v1/rules", {"name": name, "kind": "bots", "definition": {"words": ["nothing"]}}).ok(201)
    assert done(owner, owner.post("/v1/rebuilds", {"rule": name}).ok(202))["state"] == "succeeded"
    head = owner.get(f"/v1/campaigns/{clicked}/metrics").position
    asked = [{"group_by": "day"}, {"group_by": "day", "as_of": head}]
    path = f"/v1/campaigns/{clicked}/metrics"
    before = [owner.get(path, rule=name, **query).ok().body for query in asked]

    with psycopg.connect(whole.product.dsn, autocommit=True) as connection:
        parked = connection.execute(
            "insert into ballyhoo.parked (workspace, projection, log, position, reason) select f.workspace, %s,"
            " 'engagement', position, 'by hand' from ballyhoo.facts f join ballyhoo.streams s on s.stream = f.campaign"
            " where s.id = %s and f.kind = 9 order by position limit 1 returning id",
            (CAMPAIGN_METRICS.name, clicked),
        ).fetchone()
        try:
            after = [owner.get(path, rule=name, **query).ok().body for query in asked]
            live = owner.get(path, group_by="day").ok().body
        finally:
            connection.execute("delete from ballyhoo.parked where id = %s", parked)

    assert after == before
    assert live["groups"][0]["unique_clicks"] < before[0]["groups"][0]["unique_clicks"]


@pytest.mark.req("EVT-9", "EVT-11")
def test_who_asks_under_a_rule_waits_for_what_is_kept_under_it(whole: Whole, owner: Client, clicked: str) -> None:
    name = f"held-{uuid4().hex[:8]}"
    owner.post("/v1/rules", {"name": name, "kind": "bots", "definition": {"words": ["robot"]}}).ok(201)
    assert done(owner, owner.post("/v1/rebuilds", {"rule": name}).ok(202))["state"] == "succeeded"
    asked = [(f"/v1/campaigns/{clicked}/{question}", {"rule": name}) for question in ("metrics", "funnel", "roi")]
    asked.append((f"/v1/rules/{name}/comparison", {}))

    with psycopg.connect(whole.product.dsn) as batch:
        batch.execute(f"select pg_advisory_xact_lock({LOCK})".encode(), (rule_schema(CAMPAIGN_METRICS, name),))
        told = owner.track({"kind": "open", "campaign_id": clicked})
        owner.get(f"/v1/campaigns/{clicked}/metrics", after=told.position, wait=20).ok()

        held = [owner.get(path, after=told.position, wait=0.2, **query).status for path, query in asked]

    let_go = [owner.get(path, after=told.position, wait=20, **query).status for path, query in asked]
    assert (held, let_go) == ([503] * 4, [200] * 4)
    assert owner.get(asked[0][0], rule="nobody-made-this", after=told.position).status == 404


@pytest.mark.req("EVT-11")
def test_days_begin_where_the_rule_of_the_time_zone_says(owner: Client) -> None:
    name = f"kathmandu-{uuid4().hex[:8]}"
    campaign = drafted(owner)
    told = owner.track(
        {"kind": "click", "campaign_id": campaign, "occurred_at": "2026-11-19T18:10:00Z"},
        {"kind": "click", "campaign_id": campaign, "occurred_at": "2026-11-19T18:20:00Z"},
    )
    owner.get(f"/v1/campaigns/{campaign}/metrics", after=told.body["position"], wait=20).ok()
    owner.post("/v1/rules", {"name": name, "kind": "time_zone", "definition": {"time_zone": "Asia/Kathmandu"}}).ok(201)
    assert done(owner, owner.post("/v1/rebuilds", {"rule": name}).ok(202))["state"] == "succeeded"

    live = owner.get(f"/v1/campaigns/{campaign}/metrics", group_by="day").ok().body["groups"]
    kept = owner.get(f"/v1/campaigns/{campaign}/metrics", group_by="day", rule=name).ok().body["groups"]

    assert [group["key"]["day"] for group in live] == ["2026-11-19"]
    assert [group["key"]["day"] for group in kept] == ["2026-11-19", "2026-11-20"]
    compared = owner.get(f"/v1/rules/{name}/comparison", limit=200).ok().body
    assert campaign in [item["campaign_id"] for item in compared["items"]]


def test_what_makes_no_sense_is_refused_by_name(owner: Client) -> None:
    asked = {"projections": ["metrics"], "workers": 99, "fast": True}
    faults = owner.post("/v1/rebuilds", asked).ok(422).body["errors"]
    assert sorted(fault["pointer"] for fault in faults) == ["/fast", "/projections/0", "/workers"]
    faults = owner.post("/v1/rebuilds", {"projections": [None], "back": 1}).ok(422).body["errors"]
    assert sorted(fault["pointer"] for fault in faults) == ["/back", "/projections/0"]
    assert owner.post("/v1/rebuilds", {"rule": "nobody-made-this"}).status == 404
    rule = {"name": "sp ace", "kind": "weather", "definition": {}}
    faults = owner.post("/v1/rules", rule).ok(422).body["errors"]
    assert sorted(fault["pointer"] for fault in faults) == ["/kind", "/name"]
    again = {"name": "1", "kind": "bots", "definition": {"words": ["bot"]}}
    assert owner.post("/v1/rules", again).ok(409).body["type"] == "/problems/rule-exists"


def test_a_repeat_with_its_key_is_the_same_job_and_a_stranger_sees_none(owner: Client, stranger: Client) -> None:
    key = str(uuid4())
    first = owner.post("/v1/rebuilds", {"projections": ["ab_test_list"]}, key=key).ok(202)
    again = owner.post("/v1/rebuilds", {"projections": ["ab_test_list"]}, key=key).ok(202)

    assert (again.body, again.headers["location"]) == (first.body, first.headers["location"])
    assert again.replayed
    assert stranger.get(first.headers["location"]).status == 404
    assert stranger.post(f"{first.headers['location']}/cancel").status == 404
    assert done(owner, first)["state"] == "succeeded"
    finished = owner.post(f"{first.headers['location']}/cancel").ok(409)
    assert finished.body["type"] == "/problems/job-finished"


@pytest.mark.req("EVT-4")
def test_by_command_too_and_the_way_back_catches_up_with_ten_thousand_facts_first(whole: Whole, owner: Client) -> None:
    campaign, dsn = drafted(owner), whole.product.dsn
    there = run("rebuild", "campaign_metrics", "--workers", "2", database_url=dsn)
    for first in range(0, AFTERWARDS, 1000):
        clicks = [{"kind": "click", "campaign_id": campaign, "contact_id": f"after-{first + n}"} for n in range(1000)]
        told = owner.track(*clicks)
    path = f"/v1/campaigns/{campaign}/metrics"
    before = owner.get(path, after=told.body["position"], wait=30).ok().body

    back = run("rebuild", "campaign_metrics", "--back", database_url=dsn)

    print(there.stdout, back.stdout, sep="")
    assert (there.returncode, back.returncode) == (0, 0), (there.stderr, back.stderr)
    assert "as the live one." in there.stdout
    caught_up = re.search(r"the former tables answer again, (\d+) records caught up", back.stdout)
    assert caught_up is not None
    assert int(caught_up[1]) >= AFTERWARDS
    assert owner.get(path).ok().body == before
    assert (before["total"]["clicks"], before["total"]["unique_clicks"]) == (AFTERWARDS, AFTERWARDS)
    nobody = run("rebuild", "nobody", database_url=dsn)
    assert (nobody.returncode, "There is no projection nobody" in nobody.stderr) == (1, True)
    typo = run("rebuild", "campaign_metrics", "--rule", "typo", database_url=dsn)
    assert (typo.returncode, "There is no rule 'typo'" in typo.stderr) == (1, True), (typo.stdout, typo.stderr)


@pytest.mark.req("EVT-4")
def test_while_one_runs_another_of_the_same_projection_is_refused(whole: Whole, owner: Client) -> None:
    with psycopg.connect(whole.product.dsn) as batch:
        batch.execute(f"select pg_advisory_xact_lock_shared({LOCK})".encode(), ("ab_test_list",))
        first = owner.post("/v1/rebuilds", {"projections": ["ab_test_list"]}).ok(202)
        wait_until(lambda: owner.get(first.headers["location"]).ok().body["state"] == "running", 60)

        refused = owner.post("/v1/rebuilds", {"projections": ["ab_test_list", "campaign_list"]}).ok(409)

        assert refused.body["type"] == "/problems/rebuild-running"
        assert owner.get(first.headers["location"]).ok().body["state"] == "running"
    assert done(owner, first)["state"] == "succeeded"


@pytest.fixture
def without_worker(apart: Product) -> tuple[Product, Client]:
    """A product whose jobs wait."""
    projector, api = apart.projector(), apart.api()
    assert projector.pid
    return apart, apart.client(api)


def test_of_two_rebuilds_of_a_projection_one_waits_and_the_other_is_refused(
    without_worker: tuple[Product, Client],
) -> None:
    product, client = without_worker
    first = client.post("/v1/rebuilds", {"projections": ["campaign_metrics"]}).ok(202)

    refused = client.post("/v1/rebuilds", {}).ok(409)
    other = client.post("/v1/rebuilds", {"projections": ["campaign_list"]}).ok(202)

    assert refused.body["type"] == "/problems/rebuild-running"
    cancelled = client.post(f"{other.headers['location']}/cancel").ok().body
    assert cancelled["state"] == "cancelled"
    product.worker()
    assert done(client, first)["state"] == "succeeded"
    assert (
        done(client, client.post("/v1/rebuilds", {"projections": ["campaign_metrics"], "back": True}).ok(202))["state"]
        == "succeeded"
    )
