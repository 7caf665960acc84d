"""One move for 200 campaigns: each its own result, in order, and all of it repeatable by its key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.support.campaigns import campaign_in, history_of
from tests.support.client import Client

WISHES = ("active", "draft", "paused", "active", "deleted")


@pytest.mark.req("CAM-7")
def test_two_hundred_moves_have_two_hundred_results_and_their_repeat_has_the_same(
    alice: Client, stranger: Client
) -> None:
    with ThreadPoolExecutor(8) as many:
        made = list(many.map(lambda number: campaign_in(alice, WISHES[number % 5]), range(198)))
    ids = [*made, str(uuid4()), campaign_in(stranger, "active")]

    answer = alice.post("/v1/campaigns/bulk", {"move": "pause", "ids": ids}, key="pause-all").ok()
    repeat = alice.post("/v1/campaigns/bulk", {"move": "pause", "ids": ids}, key="pause-all").ok()

    expected = [200 if WISHES[number % 5] == "active" else 409 for number in range(198)] + [404, 404]
    results = answer.body["results"]
    assert [result["status"] for result in results] == expected
    assert all(("problem" in result) == (result["status"] != 200) for result in results)
    assert all(result["problem"]["status"] == result["status"] for result in results if "problem" in result)
    assert repeat.content == answer.content
    assert repeat.replayed
    assert [len(history_of(alice, id)) for id in made[:5]] == [3, 1, 3, 3, 2]


def test_a_bulk_of_a_move_that_was_not_made_before_is_another_body(alice: Client) -> None:
    ids = [campaign_in(alice, "active")]
    alice.post("/v1/campaigns/bulk", {"move": "pause", "ids": ids}, key="once").ok()

    assert alice.post("/v1/campaigns/bulk", {"move": "resume", "ids": ids}, key="once").status == 422


@pytest.mark.parametrize(("move", "status"), [("delete", 200), ("restore", 409), ("archive", 200), ("launch", 200)])
def test_every_move_can_be_made_in_bulk(alice: Client, move: str, status: int) -> None:
    draft = campaign_in(alice, "draft")

    results = alice.post("/v1/campaigns/bulk", {"move": move, "ids": [draft]}).ok().body["results"]

    assert [result["status"] for result in results] == [status]


@pytest.mark.parametrize(
    "body",
    [
        {"move": "pause", "ids": []},
        {"move": "pause", "ids": [str(uuid4())] * 201},
        {"move": "fly", "ids": [str(uuid4())]},
        {"move": "pause", "ids": ["x", 1]},
        {"move": "pause"},
        {"ids": [str(uuid4())], "move": "pause", "force": True},
    ],
)
def test_a_bulk_of_another_shape_is_refused_whole(alice: Client, body: dict[str, object]) -> None:
    answer = alice.post("/v1/campaigns/bulk", body)

    assert answer.status == 422
    assert answer.body["errors"]
