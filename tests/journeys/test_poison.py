"""A projector whose fold fails on some campaigns: what it leaves out, when it stops, and how a mend makes it exact."""

from __future__ import annotations

from typing import Any

import pytest

from projections.campaign_list import CAMPAIGN_LIST
from tests.support import planted
from tests.support.campaigns import drafted, move
from tests.support.client import Client
from tests.support.rebuilding import rebuilt
from tests.support.server import Product, Running, ready
from tests.waiting import wait_until


def begun(product: Product) -> tuple[Client, Running]:
    """The product, with a projector that cannot fold what happens to campaigns with a certain name."""
    faulty = product.projector(program=planted.PROGRAM, BUG="a fold fails")
    product.worker()
    api = product.api()
    wait_until(lambda: ready(api), 60)
    return product.client(api), faulty


def listed(client: Client, after: str) -> dict[str, Any]:
    """The campaigns of the list, by name."""
    items = client.get("/v1/campaigns", after=after, wait=20, limit=200).ok().body["items"]
    return {item["name"]: item for item in items}


@pytest.mark.req("EVT-3", "EVT-4")
def test_a_poison_event_parks_its_aggregate_only_and_is_exact_after_the_mend(apart: Product) -> None:
    client, faulty = begun(apart)
    sick, well = (drafted(client, name=name) for name in (planted.UNFOLDABLE, "Well"))
    for name in ("launch", "pause"):
        for campaign in (sick, well):
            token = move(client, campaign, name).ok().position

    rows = listed(client, token)
    parked = client.get("/v1/parked").ok().body["items"]

    assert (rows["Well"]["status"], rows["Well"]["version"]) == ("paused", 3)
    assert (rows[planted.UNFOLDABLE]["status"], rows[planted.UNFOLDABLE]["version"]) == ("draft", 1)
    assert [(item["event"], item["aggregate_id"]) for item in parked] == [
        ("campaign.launched", sick), ("campaign.paused", sick),
    ]  # fmt: skip
    assert parked[0]["reason"] == "ValueError: a fault of the fold"

    faulty.stop()
    apart.projector()
    token = move(client, sick, "resume").ok().position
    assert listed(client, token)[planted.UNFOLDABLE]["version"] == 1
    assert client.post(f"/v1/parked/{parked[0]['id']}/replay").ok().body == {"replayed": 3}

    row, itself = listed(client, token)[planted.UNFOLDABLE], client.get(f"/v1/campaigns/{sick}").ok().body
    print(row)
    assert row == {name: itself[name] for name in row}
    assert client.get("/v1/parked").ok().body["items"] == []
    compared = rebuilt(apart.dsn, CAMPAIGN_LIST).compared
    assert compared is not None
    assert compared.live == compared.rebuilt


@pytest.mark.req("EVT-3", "OPS-5")
def test_six_poison_events_in_a_row_stop_the_projector_and_ready_says_so(apart: Product) -> None:
    client, faulty = begun(apart)
    nobody = Client(client.url, None)
    sick = [drafted(client, name=f"{planted.UNFOLDABLE} {number}") for number in range(6)]
    for campaign in sick[:5]:
        move(client, campaign, "launch").ok()
    wait_until(lambda: len(client.get("/v1/parked").ok().body["items"]) == 5, 60)
    assert nobody.get("/health/ready").status == 200

    move(client, sick[5], "launch").ok()

    wait_until(lambda: nobody.get("/health/ready").status == 503, 60)
    problems = nobody.get("/health/ready").body["problems"]
    print(problems)
    assert set(problems) == {"campaign_list"}
    items = {item["name"]: item for item in client.get("/v1/projections").ok().body["items"]}
    assert items["campaign_list"]["last_error"].startswith("Stopped: 6 records in a row can't be folded")
    assert (items["campaign_list"]["parked"], items["campaign_metrics"]["last_error"]) == (5, None)

    faulty.stop()
    apart.projector()
    wait_until(lambda: nobody.get("/health/ready").status == 200, 60)
    for item in client.get("/v1/parked").ok().body["items"]:
        client.post(f"/v1/parked/{item['id']}/replay").ok()
    token = move(client, sick[5], "pause").ok().position
    rows = listed(client, token)
    assert [rows[f"{planted.UNFOLDABLE} {number}"]["version"] for number in range(6)] == [2, 2, 2, 2, 2, 3]
