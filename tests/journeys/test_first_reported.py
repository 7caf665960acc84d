"""A window as it was first reported beside what is known of it now: late facts and voids make the difference."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.campaigns import drafted
from tests.support.client import Client


@pytest.mark.req("EVT-5")
def test_late_facts_and_voids_make_the_difference(alice: Client) -> None:
    campaign = drafted(alice)
    before = datetime.now(UTC) - timedelta(minutes=30)
    clicks = [{"id": f"click-{n}", "kind": "click", "campaign_id": campaign, "occurred_at": before.isoformat()}
              for n in range(3)]  # fmt: skip
    alice.track(*clicks)
    ends = datetime.now(UTC)
    time.sleep(0.01)
    late = {"kind": "click", "campaign_id": campaign, "occurred_at": before.isoformat(), "quantity": 5}
    void = {"kind": "void", "campaign_id": campaign, "voids": "click-0"}
    told = alice.track(late, void)

    window = {"from": (before - timedelta(hours=1)).isoformat(), "to": ends.isoformat()}
    both = alice.get(
        f"/v1/campaigns/{campaign}/metrics", compare="as_first_reported", after=told.body["position"], wait=20, **window
    ).ok().body  # fmt: skip

    counted = {name: both[name]["total"]["clicks"] for name in ("as_first_reported", "as_known_now")}
    print(counted)
    assert counted == {"as_first_reported": 3, "as_known_now": 7}
    at_end = alice.get(f"/v1/campaigns/{campaign}/metrics", as_of=ends.isoformat(), **window).ok().body
    assert at_end["total"] == both["as_first_reported"]["total"]


def test_what_makes_no_sense_is_refused_by_name(alice: Client) -> None:
    path = f"/v1/campaigns/{drafted(alice)}/metrics"
    ahead = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    gone = (datetime.now(UTC) - timedelta(days=1)).isoformat()

    def pointers(**query: str) -> list[str]:
        return [fault["pointer"] for fault in alice.get(path, **query).ok(422).body["errors"]]

    assert pointers(compare="as_first_reported") == ["/to"]
    assert pointers(compare="yesterday", to=gone) == ["/compare"]
    assert pointers(compare="as_first_reported", to=gone, as_of=gone) == ["/as_of"]
    assert pointers(compare="as_first_reported", to=ahead) == ["/to"]
    assert alice.get(path, compare="as_first_reported", to=gone).ok().body["as_first_reported"] is None
