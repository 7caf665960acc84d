"""What all reads share: a wrong parameter is named, a list names its order, a position claims what was answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from adapters.read_models.rebuild.places import LOCK
from projections.campaign_metrics import CAMPAIGN_METRICS
from tests.journeys.conftest import Whole
from tests.support.ab_tests import planned
from tests.support.campaigns import drafted
from tests.support.client import Client

NUL = "a\0b"
LISTS = {
    "/v1/campaigns": "-created_at",
    "/v1/campaigns/{campaign}/history": "-version",
    "/v1/facts?campaign_id={campaign}": "-occurred_at",
    "/v1/facts": "-recorded_at",
    "/v1/ab-tests": "-created_at",
    "/v1/ab-tests/{test}/history": "-version",
    "/v1/parked": "parked_at",
    "/v1/rules/1/comparison": "created_at",
}


@contextmanager
def held_up(whole: Whole, name: str = CAMPAIGN_METRICS.name) -> Iterator[None]:
    """Tables that nothing is folded into."""
    with psycopg.connect(whole.product.dsn) as other:
        other.execute(f"select pg_advisory_xact_lock({LOCK})".encode(), (name,))
        yield


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/campaigns", "text"), ("/v1/campaigns", "tag"), ("/v1/facts", "contact_id"), ("/v1/facts", "kind"),
        ("/v1/campaigns/{campaign}/metrics", "rule"), ("/v1/campaigns/{campaign}/metrics", "as_of"),
        ("/v1/campaigns/{campaign}/funnel", "stages"), ("/v1/campaigns/{campaign}/roi", "rule"),
        ("/v1/ab-tests/{test}/assignment", "contact_id"), ("/v1/parked", "cursor"), ("/v1/projections", "after"),
    ],
)  # fmt: skip
def test_a_text_that_holds_nul_is_refused_by_the_name_of_its_parameter(alice: Client, path: str, name: str) -> None:
    campaign = drafted(alice)
    test = planned(alice, campaign) if "{test}" in path else ""

    refused = alice.get(path.format(campaign=campaign, test=test), **{name: NUL}).ok(422)

    assert f"/{name}" in [fault["pointer"] for fault in refused.body["errors"]]


@pytest.mark.req("ANA-2")
def test_an_hour_has_the_offset_of_its_beginning_where_clocks_change_a_minute_late(alice: Client) -> None:
    """Casey went from +08 to +11 on 2020-10-03 at 16:01 UTC."""
    campaign = drafted(alice)
    times = ["15:50", "16:20", "16:50", "17:05"]
    facts = [{"kind": "click", "contact_id": "c", "occurred_at": f"2020-10-03T{time}:00Z"} for time in times]
    after = alice.track(*({"campaign_id": campaign} | fact for fact in facts)).position

    asked = {"group_by": "hour", "time_zone": "Antarctica/Casey", "after": after}
    groups = alice.get(f"/v1/campaigns/{campaign}/metrics", **asked).ok().body["groups"]

    assert [(group["key"]["hour"], group["clicks"], group["unique_clicks"]) for group in groups] == [
        ("2020-10-03T23:00:00+08:00", 1, 1), ("2020-10-04T03:00:00+11:00", 2, 1), ("2020-10-04T04:00:00+11:00", 1, 1),
    ]  # fmt: skip


def test_nothing_is_kept_under_a_rule_whose_name_holds_nul(alice: Client) -> None:
    assert alice.get("/v1/rules/a%00b/comparison").status == 404


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/campaigns", "after"), ("/v1/campaigns", "cursor"), ("/v1/facts", "cursor"), ("/v1/parked", "after"),
        ("/v1/campaigns/{campaign}", "as_of"), ("/v1/campaigns/{campaign}/metrics", "as_of"),
        ("/v1/campaigns/{campaign}/history", "after"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("token", ["broken", "another's"])
def test_a_bad_token_is_refused_by_the_name_of_its_parameter(
    alice: Client, stranger: Client, path: str, name: str, token: str
) -> None:
    asked = path.format(campaign=drafted(alice))
    wrong = stranger.get("/v1/campaigns").position if token == "another's" else "x"

    refused = alice.get(asked, **{name: wrong}).ok(422).body

    assert refused["type"] == "/problems/bad-token"
    assert [(fault["pointer"], fault["code"]) for fault in refused["errors"]] == [(f"/{name}", "token")]


@pytest.mark.parametrize(("path", "order"), LISTS.items())
def test_every_list_takes_its_order_by_name_and_names_it_to_who_asks_for_another(
    alice: Client, path: str, order: str
) -> None:
    campaign = drafted(alice)
    test = planned(alice, campaign) if "{test}" in path else ""
    path, _, query = path.format(campaign=campaign, test=test).partition("?")
    more: dict[str, Any] = dict([query.split("=")]) if query else {}
    more["after"] = alice.get(f"/v1/campaigns/{campaign}/history").position

    assert alice.get(path, sort=order, **more).ok().body == alice.get(path, **more).ok().body
    (fault,) = alice.get(path, sort="colour", **more).ok(422).body["errors"]
    assert fault["pointer"] == "/sort"
    assert order in fault["detail"]


def test_a_window_at_the_end_of_time_is_empty(alice: Client) -> None:
    path = f"/v1/campaigns/{drafted(alice)}/metrics"

    for window in ({"from_": "9999-12-31T00:00:01Z"}, {"from_": "9999-12-31T23:59:59.999Z", "group_by": "day"},
                   {"from_": "9999-12-31T23:50:00Z", "to": "9999-12-31T23:59:00Z"}):  # fmt: skip
        assert alice.get(path, **window).ok().body["total"]["clicks"] == 0


@pytest.mark.req("EVT-9")
@pytest.mark.parametrize("path", ["/v1/campaigns/{campaign}", "/v1/parked", "/v1/projections"])
def test_a_position_claims_no_more_than_was_answered(whole: Whole, alice: Client, path: str) -> None:
    campaign = drafted(alice, goals={"engagement": 10})
    with held_up(whole):
        told = alice.track({"kind": "click", "campaign_id": campaign})
        claimed = alice.get(path.format(campaign=campaign)).ok().position

        assert alice.get(f"/v1/campaigns/{campaign}/metrics", after=claimed, wait=0.3).ok().body["total"]["clicks"] == 0
        assert alice.get(path.format(campaign=campaign), after=told.position, wait=0.3).status == 503

    assert alice.get(path.format(campaign=campaign), after=told.position, wait=20).ok()


def test_a_metric_of_prometheus_stands_in_the_reference(alice: Client) -> None:
    operation = Client(alice.url, None).get("/openapi.json").ok().body["paths"]["/metrics"]["get"]

    assert list(operation["responses"]["200"]["content"]) == ["text/plain"]
    assert "# TYPE" in operation["responses"]["200"]["content"]["text/plain"]["example"]
