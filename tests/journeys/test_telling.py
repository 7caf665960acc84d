"""What the product tells about itself: one request through all logs, which part is away, and its reference."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest

from tests.journeys.conftest import Whole
from tests.support.campaigns import drafted, in_, move
from tests.support.client import Client
from tests.support.server import Product
from tests.waiting import wait_until


@pytest.mark.req("OPS-5")
def test_the_id_of_one_request_is_found_in_the_logs_of_the_api_and_the_projector(whole: Whole, alice: Client) -> None:
    campaign = drafted(alice)
    request = f"journey-{uuid4()}"
    answer = alice.call("POST", f"/v1/campaigns/{campaign}/launch", headers={"X-Request-Id": request}).ok()
    alice.get("/v1/campaigns", after=answer.position).ok()

    assert answer.headers["x-request-id"] == request
    for log in (whole.api.log, whole.projector.log):
        wait_until(lambda log=log: request in log.read_text(), 5)  # type: ignore[misc]
    lines = [line for line in whole.api.lines() if request in line.values()]
    assert any(line.get("status") == 200 and line.get("path", "").endswith("/launch") for line in lines)
    event = alice.get(f"/v1/campaigns/{campaign}/history").ok().body["items"][0]
    assert event["correlation"] == request


def test_a_request_without_an_id_gets_one_and_an_indecent_one_is_replaced(alice: Client) -> None:
    own = alice.get("/v1/campaigns").headers["x-request-id"]
    replaced = alice.call("GET", "/v1/campaigns", headers={"X-Request-Id": "a b\tc" * 40}).headers["x-request-id"]

    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", own)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", replaced)


@pytest.mark.req("OPS-5")
def test_ready_names_the_part_that_is_away(apart: Product) -> None:
    api = apart.api()
    nobody = Client(api.url, None)

    alone = nobody.get("/health/ready")
    projector = apart.projector()
    wait_until(lambda: "projector" not in str(nobody.get("/health/ready").body), 60)
    without_worker = nobody.get("/health/ready")
    worker = apart.worker()
    wait_until(lambda: nobody.get("/health/ready").status == 200, 60)
    projector.stop()
    wait_until(lambda: nobody.get("/health/ready").status == 503, 60)
    without_projector = nobody.get("/health/ready")

    assert alone.status == 503
    assert {"projector", "worker"} <= set(alone.body["problems"])
    assert set(without_worker.body["problems"]) == {"worker"}
    assert set(without_projector.body["problems"]) == {"projector"}
    assert int(without_projector.headers["retry-after"]) >= 1
    assert nobody.get("/health/live").status == 200
    worker.stop()


def test_the_reference_page_needs_nothing_from_elsewhere(alice: Client) -> None:
    nobody = Client(alice.url, None)
    page = nobody.get("/docs").ok()
    assert page.headers["content-type"].startswith("text/html")

    parts = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)["']""", page.content.decode())

    assert parts
    for part in parts:
        assert not re.match(r"(?:[a-z]+:)?//", part), part
        if not part.startswith("data:"):
            assert nobody.call("GET", part if part.startswith("/") else f"/{part}").ok().content
    assert not re.search(rb"https?://(?!127\.0\.0\.1|www\.w3\.org)[a-z0-9.-]+/[^\"']*\.(?:js|css)", page.content)


def test_every_operation_of_the_reference_has_an_example_and_says_what_it_does(alice: Client) -> None:
    document = Client(alice.url, None).get("/openapi.json").ok().body

    assert {"/v1/track", "/v1/track/batch"} <= set(document["paths"])
    for path, item in document["paths"].items():
        for method, operation in item.items():
            about = f"{method} {path}"
            assert operation.get("summary") or operation.get("description"), about
            answers = [answer for code, answer in operation["responses"].items() if code.startswith("2")]
            assert answers, about
            for answer in answers:
                for content in answer.get("content", {}).values():
                    assert "example" in content or "examples" in content, about
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert "example" in content or "examples" in content, about


@pytest.mark.req("OPS-5")
def test_numbers_for_prometheus_name_no_tenant(whole: Whole, alice: Client) -> None:
    campaign = drafted(alice, name="Whispered")
    move(alice, campaign, "schedule", {"starts_at": in_(days=1)}).ok()
    alice.track({"kind": "click", "campaign_id": campaign})

    text = Client(alice.url, None).get("/metrics").ok().content.decode()

    assert "# TYPE" in text
    assert campaign not in text
    assert "Whispered" not in text
    assert (alice.key or "?") not in text


def test_no_log_and_no_answer_holds_a_key(whole: Whole, alice: Client) -> None:
    drafted(alice)
    key = alice.key or "?"

    logs = [running.log for running in (whole.api, whole.projector, whole.worker)]

    assert not [log for log in logs if key in Path(log).read_text()]
    assert key.encode() not in alice.get("/v1/campaigns").content
