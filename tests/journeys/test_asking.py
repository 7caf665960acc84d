"""What all reads share: a wrong parameter is named, a list names its order, a position claims what was answered."""

from __future__ import annotations

import pytest

from tests.support.ab_tests import planned
from tests.support.campaigns import drafted
from tests.support.client import Client

NUL = "a\0b"


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


def test_nothing_is_kept_under_a_rule_whose_name_holds_nul(alice: Client) -> None:
    assert alice.get("/v1/rules/a%00b/comparison").status == 404
