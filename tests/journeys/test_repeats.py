"""A command repeated with its key answers as it did: after a crash, when refused; never with another body."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.journeys.conftest import Whole
from tests.support import dying
from tests.support.campaigns import a_document, campaign_in, drafted, history_of, move
from tests.support.client import Answer, Client, NoReply, conditions
from tests.support.server import Api
from tests.waiting import wait_until


@pytest.fixture
def mortal(whole: Whole) -> Iterator[Api]:
    """An api process that dies when a request asks for it."""
    api = whole.product.api(program=dying.PROGRAM)
    yield api
    api.stop()


@pytest.mark.req("EVT-2")
def test_killed_between_commit_and_reply_the_repeat_has_the_answer_that_was_lost(alice: Client, mortal: Api) -> None:
    campaign = campaign_in(alice, "active")
    path = f"/v1/campaigns/{campaign}/pause"
    with pytest.raises(NoReply):
        alice.at(mortal.url).call("POST", path, headers={**conditions("lost"), dying.HEADER: "before-reply"})
    mortal.process.wait(10)

    repeat = alice.post(path, key="lost").ok()
    again = alice.post(path, key="lost").ok()

    assert repeat.replayed
    assert repeat.content == again.content
    assert repeat.body["status"] == "paused"
    assert repeat.version == repeat.body["version"] == 3
    assert len(history_of(alice, campaign)) == 3


def test_killed_before_any_work_the_repeat_does_it(alice: Client, mortal: Api) -> None:
    campaign = campaign_in(alice, "active")
    path = f"/v1/campaigns/{campaign}/pause"
    with pytest.raises(NoReply):
        alice.at(mortal.url).call("POST", path, headers={**conditions("lost"), dying.HEADER: "before-work"})

    repeat = alice.post(path, key="lost").ok()

    assert not repeat.replayed
    assert len(history_of(alice, campaign)) == 3


def test_a_fact_whose_answer_was_lost_counts_once_when_sent_again(alice: Client, mortal: Api) -> None:
    campaign = drafted(alice)
    fact = {"id": str(uuid4()), "kind": "click", "campaign_id": campaign}
    with pytest.raises(NoReply):
        alice.at(mortal.url).call("POST", "/v1/track", fact, headers={dying.HEADER: "before-reply"})

    repeat = alice.post("/v1/track", fact).ok()

    assert (repeat.body["accepted"], repeat.body["duplicates"]) == (0, 1)
    metrics = alice.get(f"/v1/campaigns/{campaign}/metrics", after=repeat.body["position"]).ok()
    assert metrics.body["total"]["clicks"] == 1


@pytest.mark.req("EVT-2")
def test_a_refusal_repeats_too_though_it_would_be_allowed_by_now(alice: Client) -> None:
    campaign = drafted(alice)
    refused = move(alice, campaign, "pause", key="too-early")
    stale = alice.patch(f"/v1/campaigns/{campaign}", {"name": "B"}, key="stale", if_match=7)
    nowhere = f"/v1/campaigns/{uuid4()}"
    missing = alice.patch(nowhere, {"name": "B"}, key="missing")
    move(alice, campaign, "launch").ok()

    again = [
        move(alice, campaign, "pause", key="too-early"),
        alice.patch(f"/v1/campaigns/{campaign}", {"name": "B"}, key="stale", if_match=7),
        alice.patch(nowhere, {"name": "B"}, key="missing"),
    ]

    assert [answer.status for answer in again] == [409, 412, 404]
    assert [answer.content for answer in again] == [refused.content, stale.content, missing.content]
    assert all(answer.replayed for answer in again)


def test_a_path_without_an_id_repeats_its_404_too(alice: Client) -> None:
    for path in ("/v1/campaigns/nope/launch", "/v1/campaigns/nope/duplicate", "/v1/ab-tests/nope/start"):
        answers = [alice.post(path, key=path) for _ in range(2)]

        assert [(answer.status, answer.replayed) for answer in answers] == [(404, False), (404, True)]


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ('"1"', 200), ("*", 200), ("1", 200), ('"7", "1"', 200), ('W/"1"', 200), ('"7"', 412), ('"abc"', 412),
        ('"abc", "7"', 412), ('"99999999999999999999"', 412), ('"1', 400), ('"1" "2"', 400), ("one", 400), ("", 400),
    ],
)  # fmt: skip
def test_if_match_names_the_version_that_stands_or_nothing_is_done(alice: Client, tags: str, status: int) -> None:
    campaign = drafted(alice)

    answer = alice.call("PATCH", f"/v1/campaigns/{campaign}", {"name": "B"}, headers={"If-Match": tags})

    assert answer.status == status
    assert alice.get(f"/v1/campaigns/{campaign}").version == (2 if status == 200 else 1)


def test_another_body_or_route_with_the_same_key_is_refused(alice: Client) -> None:
    campaign = drafted(alice)
    alice.patch(f"/v1/campaigns/{campaign}", {"name": "B"}, key="once").ok()

    another_body = alice.patch(f"/v1/campaigns/{campaign}", {"name": "C"}, key="once")
    another_route = move(alice, campaign, "launch", key="once")

    assert (another_body.status, another_route.status) == (422, 422)
    assert len(history_of(alice, campaign)) == 2


def test_what_was_not_valid_leaves_the_key_free(alice: Client) -> None:
    campaign = drafted(alice)
    path = f"/v1/campaigns/{campaign}"
    assert alice.patch(path, {"name": ""}, key="free").status == 422
    assert alice.call("PATCH", path, b"{", headers=conditions("free")).status == 400
    assert alice.at(alice.url).call("PATCH", path, {"name": "B"}, headers={"Authorization": "x"}).status == 401

    assert alice.patch(path, {"name": "B"}, key="free").ok().body["name"] == "B"


def test_a_key_belongs_to_its_workspace(alice: Client, stranger: Client) -> None:
    mine = alice.post("/v1/campaigns", a_document(name="Mine"), key="shared").ok(201)
    theirs = stranger.post("/v1/campaigns", a_document(name="Theirs"), key="shared").ok(201)

    assert theirs.body["name"] == "Theirs"
    assert not theirs.replayed
    assert mine.body["id"] != theirs.body["id"]


@pytest.mark.req("CAM-1")
def test_a_create_with_its_own_id_is_refused_here_and_free_elsewhere(alice: Client, stranger: Client) -> None:
    id = str(uuid4())
    alice.post("/v1/campaigns", a_document(id=id)).ok(201)

    again = alice.post("/v1/campaigns", a_document(id=id))
    elsewhere = stranger.post("/v1/campaigns", a_document(id=id))

    assert (again.status, again.headers["location"]) == (409, f"/v1/campaigns/{id}")
    assert elsewhere.ok(201).body["id"] == id


def test_an_answer_says_where_the_new_thing_is(alice: Client) -> None:
    made = alice.post("/v1/campaigns", a_document()).ok(201)

    assert alice.get(made.headers["location"]).ok().body == made.body
    assert made.version == 1


def another(client: Client, command: str) -> tuple[str, Any]:
    """The path and the body of a command that makes no event of an aggregate."""
    match command:
        case "bulk":
            return "/v1/campaigns/bulk", {"move": "launch", "ids": [drafted(client), str(uuid4())]}
        case "rule":
            rule = {"name": f"rule-{uuid4().hex[:12]}", "kind": "bots", "definition": {"words": ["robot"]}}
            return "/v1/rules", rule
        case "rebuild":
            asked = "/v1/rebuilds", {"projections": ["ab_test_list"]}
            # What another test began may still be at it.
            wait_until(lambda: ended(client, client.post(*asked)).status == 202, 60)
            return asked
        case "rebuild under no rule":
            return "/v1/rebuilds", {"rule": "nobody-made-this"}
        case "rule again":
            return "/v1/rules", {"name": "1", "kind": "bots", "definition": {"words": ["robot"]}}
        case "cancel":
            return f"/v1/jobs/{uuid4()}/cancel", None
        case _:
            return "/v1/parked/999999999/replay", None


def ended(client: Client, answer: Answer) -> Answer:
    """The same answer, once the job that it began, if any, stands in no other's way."""
    where = answer.headers.get("location", "")
    if answer.status == 202:
        wait_until(lambda: client.get(where).ok().body["state"] not in ("queued", "running"), 60)
    return answer


OTHERS = {
    "bulk": 200, "rule": 201, "rebuild": 202, "rebuild under no rule": 404, "rule again": 409, "cancel": 404,
    "replay": 404,
}  # fmt: skip


@pytest.mark.req("EVT-2")
@pytest.mark.parametrize(("command", "status"), OTHERS.items())
def test_a_command_that_is_no_aggregates_repeats_as_well(alice: Client, command: str, status: int) -> None:
    path, body = another(alice, command)
    key = str(uuid4())
    first = ended(alice, alice.post(path, body, key=key).ok(status))

    again = alice.post(path, body, key=key).ok(status)

    assert (first.replayed, again.replayed) == (False, True)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers.get("location") == first.headers.get("location")
    assert ("ballyhoo-position" in first.headers, "ballyhoo-position" in again.headers) == (status < 300,) * 2
    if status < 300:
        alice.get("/v1/campaigns", after=again.position, wait=20).ok()


@pytest.mark.parametrize("command", OTHERS)
def test_a_key_of_one_command_is_no_key_of_another_whichever_came_first(alice: Client, command: str) -> None:
    path, body = another(alice, command)
    there, here = str(uuid4()), str(uuid4())
    alice.post("/v1/campaigns", a_document(), key=there).ok(201)
    ended(alice, alice.post(path, body, key=here))

    assert alice.post(path, body, key=there).ok(422).body["type"] == "/problems/key-used-differently"
    assert alice.post("/v1/campaigns", a_document(), key=here).ok(422).body["type"] == "/problems/key-used-differently"


@pytest.mark.parametrize("command", ["bulk", "rule", "rebuild"])
def test_such_a_command_that_was_not_valid_leaves_the_key_free(alice: Client, command: str) -> None:
    path, body = another(alice, command)
    assert alice.post(path, {"colour": "red"}, key="free").status == 422

    assert ended(alice, alice.post(path, body, key="free")).status < 300


def test_of_twins_in_flight_one_is_decided_and_none_twice(alice: Client) -> None:
    path, body = another(alice, "rule")
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda _: alice.post(path, body, key="twin"), range(8)))

    assert {answer.body.get("type") for answer in answers if answer.status != 201} <= {"/problems/request-in-flight"}
    assert len({answer.content for answer in answers if answer.status == 201}) == 1
    assert alice.post(path, body, key="twin").ok(201).replayed


def test_a_rebuild_whose_answer_was_not_kept_is_found_by_its_repeat(whole: Whole, alice: Client) -> None:
    path, body = another(alice, "rebuild")
    first = ended(alice, alice.post(path, body, key="unkept").ok(202))
    with psycopg.connect(whole.product.dsn, autocommit=True) as connection:  # as if the process had died before
        connection.execute("delete from ballyhoo.idempotency where key = 'unkept'")

    again = alice.post(path, body, key="unkept").ok(202)

    assert (again.body["id"], again.body["state"]) == (first.body["id"], "succeeded")
    assert again.headers["location"] == first.headers["location"]


def test_a_bulk_whose_answer_was_lost_is_answered_by_its_repeat(whole: Whole, alice: Client, mortal: Api) -> None:
    ids = [campaign_in(alice, "active") for _ in range(3)]
    asked = {"move": "pause", "ids": ids}
    headers = {**conditions("lost"), dying.HEADER: "before-reply"}
    with pytest.raises(NoReply):
        alice.at(mortal.url).call("POST", "/v1/campaigns/bulk", asked, headers=headers)

    repeat = alice.post("/v1/campaigns/bulk", asked, key="lost").ok()
    with psycopg.connect(whole.product.dsn, autocommit=True) as connection:  # as if it had been cut off before its end
        connection.execute("delete from ballyhoo.idempotency where key = 'lost'")
    again = alice.post("/v1/campaigns/bulk", asked, key="lost").ok()

    assert [result["status"] for result in repeat.body["results"]] == [200, 200, 200]
    assert (repeat.replayed, again.replayed, again.content) == (True, True, repeat.content)
    assert [len(history_of(alice, id)) for id in ids] == [3, 3, 3]
