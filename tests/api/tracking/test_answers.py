"""What tracking answers: every status, in the words that clients script against."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from typing import Any

import pytest

from api.tracking import PATHS
from application.ports import Overloaded, Unavailable
from tests.api.tracking.asking import KEY, Asking, a_fact


def test_one_fact_is_accepted_with_its_position() -> None:
    answer = Asking().track(a_fact())

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["ballyhoo-position"] == "1.1"
    assert answer.body == {"accepted": 1, "duplicates": 0, "rejected": [], "position": "1.1"}


@pytest.mark.req("OPS-5")
@pytest.mark.parametrize("fact", [a_fact(), a_fact(kind="x"), b"{"])
def test_every_answer_carries_the_id_of_its_request(fact: Any) -> None:
    assert Asking().track(fact, x_request_id="mine-1").headers["x-request-id"] == "mine-1"
    assert re.fullmatch(r"[0-9a-f]{32}", Asking().track(fact, x_request_id="not decent").headers["x-request-id"])


def test_a_batch_says_what_became_of_each() -> None:
    asking = Asking()
    asking.log.duplicates, asking.log.refuses = {"old"}, {"bad"}

    answer = asking.batch(
        [a_fact(id="old"), a_fact(id="a"), 5, a_fact(id="bad"), a_fact(id="w", kind="x"), a_fact(id="b")]
    )

    assert answer.status == 200
    assert answer.body["accepted"] == 2
    assert answer.body["duplicates"] == 1
    assert [(entry["index"], entry["id"]) for entry in answer.body["rejected"]] == [(2, None), (3, "bad"), (4, "w")]
    assert answer.told == {("/facts/2", "object"), ("/facts/3", "not_storable"), ("/facts/4/kind", "choice")}
    assert answer.body["position"] == answer.headers["ballyhoo-position"]


def test_a_batch_of_wrong_facts_is_answered_with_a_position_too() -> None:
    answer = Asking().batch([a_fact(kind="x")] * 3)

    assert (answer.status, answer.body["accepted"], len(answer.body["rejected"])) == (200, 0, 3)
    assert answer.body["position"] == "1.0"


def test_a_large_batch_gives_way_all_along() -> None:
    asking = Asking()

    asking.batch([a_fact(id=str(number)) for number in range(1_000)])
    asking.track(a_fact())

    assert asking.log.ways_given == [1] * 40


def test_a_single_duplicate_is_no_error() -> None:
    asking = Asking()
    asking.log.duplicates = {"f-1"}

    answer = asking.track(a_fact())

    assert (answer.status, answer.body["accepted"], answer.body["duplicates"]) == (200, 0, 1)


def test_a_single_fact_that_is_refused_is_a_problem_with_all_its_faults() -> None:
    answer = Asking().track(a_fact(kind="conversion", contact_id="jane@example.com", quantity=0))

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["type"] == "/problems/invalid"
    assert answer.body["title"]
    assert answer.told == {("/value", "required"), ("/contact_id", "personal"), ("/quantity", "range")}


def test_a_fact_that_only_the_database_refuses_is_a_problem_as_well() -> None:
    asking = Asking()
    asking.log.refuses = {"f-1"}

    assert (asking.track(a_fact()).status, asking.track(a_fact()).told) == (422, {("", "not_storable")})


def test_a_hostile_id_is_told_so_that_it_can_be_written() -> None:
    answer = Asking().batch([a_fact(id="a\ud800" + "x" * 300), a_fact(id=["x"]), a_fact(id="a\0")])

    assert [entry["id"] for entry in answer.body["rejected"]] == ["a?" + "x" * 126, None, "a\0"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", sorted(PATHS))
def test_facts_are_posted(path: str, method: str) -> None:
    answer = asyncio.run(Asking().ask(path, b"", method=method))

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer x", f"Basic {KEY}", KEY, f"Bearer {KEY}x", f"Bearer {KEY[:-1]}"]
)
def test_without_a_valid_key_nothing_is_taken(authorization: str) -> None:
    asking = Asking()

    answer = asking.track(a_fact(), authorization=authorization)

    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.body["type"] == "/problems/unauthenticated"
    assert not asking.log.facts


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_written_as_one_likes(scheme: str) -> None:
    assert Asking().track(a_fact(), authorization=f"{scheme} {KEY}").status == 200


@pytest.mark.parametrize(
    "media", ["application/json", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "text/xml"]
)
def test_json_is_taken_whatever_it_is_called(media: str) -> None:
    assert Asking().track(a_fact(), content_type=media).status == 200


@pytest.mark.parametrize("coding", ["br", "gzip, gzip"])
def test_what_is_packed_otherwise_than_with_gzip_is_refused(coding: str) -> None:
    assert Asking().track(a_fact(), content_encoding=coding).status == 415


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
def test_gzip_is_unpacked(coding: str) -> None:
    packed = gzip.compress(json.dumps({"facts": [a_fact(id=str(n)) for n in range(5)]}).encode())

    assert Asking().post("/v1/track/batch", packed, content_encoding=coding).body["accepted"] == 5


def test_identity_is_no_coding_at_all() -> None:
    assert Asking().track(a_fact(), content_encoding="identity").status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"nul", b"{}x", b"[1,]", b'{"a":NaN}', b"\xef\xbb\xbf{}"])
@pytest.mark.parametrize("path", sorted(PATHS))
def test_what_is_no_json_is_refused_whole(path: str, body: bytes) -> None:
    answer = Asking().post(path, body)

    assert (answer.status, answer.body["type"]) == (400, "/problems/not-json")


def test_a_fact_that_is_no_utf8_is_no_json() -> None:
    assert Asking().post("/v1/track", b'{"id":"\xff"}').body["type"] == "/problems/not-json"


@pytest.mark.parametrize("broken", [b'{"id":"f", }', b"{'id':'f'}", b'{"id":"\xff"}', b'{"id":"f"}}', b"", b"nul"])
def test_a_batch_with_a_fact_that_is_no_json_is_no_json(broken: bytes) -> None:
    asking = Asking()
    good = json.dumps(a_fact()).encode()

    answer = asking.post("/v1/track/batch", b'{"facts":[' + good + b"," + broken + b"]}")

    assert answer.status == 400
    assert not asking.log.facts


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/facts"]),
        ({"facts": []}, ["/facts"]),
        ({"facts": {}}, ["/facts"]),
        ({"facts": None}, ["/facts"]),
        ([], ["/facts"]),
        ([a_fact()], ["/facts"]),
        ("facts", ["/facts"]),
        (5, ["/facts"]),
        ({"facts": [a_fact()] * 1_001}, ["/facts"]),
        ({"facts": [a_fact()], "more": 1}, ["/more"]),
        ({"a/b": 1, "facts": [a_fact()], "more": {}}, ["/a~1b", "/more"]),
        ({"facts": [a_fact()], "more": "x" * 100_000}, ["/facts"]),
        (a_fact(), ["/facts"]),
    ],
)
def test_what_holds_no_list_of_facts_is_refused_whole(body: Any, pointers: list[str]) -> None:
    answer = Asking().post("/v1/track/batch", json.dumps(body).encode())

    assert (answer.status, answer.body["type"]) == (422, "/problems/not-a-batch")
    assert [fault["pointer"] for fault in answer.body["errors"]] == pointers


@pytest.mark.parametrize(("count", "status"), [(1, 200), (1_000, 200), (1_001, 422)])
@pytest.mark.parametrize("kind", ["click", "unknown"])
def test_a_batch_has_up_to_a_thousand_facts(count: int, status: int, kind: str) -> None:
    answer = Asking().batch([a_fact(id=str(n), kind=kind) for n in range(count)])

    assert answer.status == status
    if status == 200:
        assert answer.body["accepted"] + len(answer.body["rejected"]) == count


def nested(levels: int) -> Any:
    """A value of so many levels."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("where", ["colour", "properties", "id"])
def test_sixteen_levels_are_read_and_seventeen_are_not(where: str) -> None:
    asking = Asking()
    in_a_batch = asking.batch([a_fact(), a_fact(**{where: nested(13)})])
    alone = asking.track(a_fact(**{where: nested(15)}))

    assert (in_a_batch.status, in_a_batch.body["accepted"], len(in_a_batch.body["rejected"])) == (200, 1, 1)
    assert alone.status == 422
    for answer in (
        asking.batch([a_fact(), a_fact(**{where: nested(14)})]),
        asking.track(a_fact(**{where: nested(16)})),
    ):
        assert (answer.status, answer.body["type"]) == (400, "/problems/too-deep")


def test_properties_that_are_too_deep_are_seen_behind_right_types() -> None:
    deep = {"a": nested(13)}

    assert Asking().batch([a_fact(properties=deep)]).status == 400
    assert Asking().track(a_fact(properties={"a": nested(15)})).status == 400


@pytest.mark.parametrize("path", sorted(PATHS))
@pytest.mark.parametrize("body", [b"[" * 2_000, b'{"facts":' * 1_000, b'{"facts":[' + b'{"a":' * 500_000])
def test_two_thousand_levels_are_refused_before_they_are_read(path: str, body: bytes) -> None:
    assert Asking().post(path, body).body["type"] == "/problems/too-deep"


def test_where_too_much_waits_the_answer_is_to_come_again() -> None:
    asking = Asking()
    asking.log.fails = Overloaded(3)

    answer = asking.track(a_fact())

    assert (answer.status, answer.headers["retry-after"]) == (503, "3")
    assert answer.body["type"] == "/problems/overloaded"


def test_where_the_database_is_away_the_answer_is_to_come_again() -> None:
    asking = Asking()
    asking.log.fails = Unavailable("the database does not answer")

    answer = asking.batch([a_fact()])

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.body["type"] == "/problems/unavailable"


def test_a_fault_of_ours_is_told_without_its_insides() -> None:
    asking = Asking()
    asking.log.fails = ZeroDivisionError("secret")

    answer = asking.track(a_fact())

    assert answer.status == 500
    assert b"secret" not in answer.content
    assert b"Zero" not in answer.content


def test_a_long_wrong_fact_is_refused_without_being_read() -> None:
    answer = Asking().batch([a_fact(), a_fact(colour="x" * 70_000)])

    assert answer.body["accepted"] == 1
    assert answer.told == {("/facts/1", "too_long")}


def test_a_right_fact_may_be_written_with_much_space() -> None:
    body = json.dumps(a_fact()).encode().replace(b",", b"," + b" " * 80_000)

    assert Asking().track(body).status == 200


def test_numbers_beyond_all_bounds_are_refused_alone() -> None:
    huge = b'{"facts":[{"id":"f","kind":"click","campaign_id":"x","quantity":' + b"9" * 5_000 + b"}]}"

    answer = Asking().post("/v1/track/batch", huge)

    assert answer.told == {("/facts/0/campaign_id", "uuid"), ("/facts/0/quantity", "integer")}
