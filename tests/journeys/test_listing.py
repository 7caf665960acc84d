"""The list of campaigns: filters, sorts, and pages that stay complete while rows are added."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.journeys.conftest import Whole
from tests.support.campaigns import a_document, drafted, move, without_tokens
from tests.support.client import Client

MANY = 500
SEED = 20261121
TYPES = ("ppv", "subscription", "promotion", "engagement", "retention")
PLATFORMS = ("email", "instagram", "sms", "tiktok")
TAGS = ("autumn", "boots", "vip")
WORDS = ("harvest", "maple", "umbrella", "lantern", "cider")
ENDS = ("draft", "scheduled", "active", "paused", "completed", "cancelled", "archived", "deleted")

Campaign = dict[str, Any]


def _make(client: Client, seed: int) -> None:
    choose = random.Random(seed)
    document = a_document(
        name=" ".join(choose.sample(WORDS, 2)).title(),
        description=choose.choice([None, f"For friends of the {choose.choice(WORDS)}."]),
        type=choose.choice(TYPES),
        platforms=choose.sample(PLATFORMS, choose.randint(1, 3)),
        tags=choose.sample(TAGS, choose.randint(0, 2)),
    )
    campaign = client.post("/v1/campaigns", document).ok(201).body["id"]
    ways = {
        "scheduled": ["schedule"], "active": ["launch"], "paused": ["launch", "pause"],
        "completed": ["launch", "complete"], "cancelled": ["cancel"], "archived": ["archive"],
        "deleted": ["delete"],
    }  # fmt: skip
    for step in ways.get(choose.choice(ENDS), []):
        move(client, campaign, step).ok()


@pytest.fixture(scope="module")
def shop(whole: Whole) -> Client:
    """A workspace of 500 campaigns."""
    client = whole.client()
    with ThreadPoolExecutor(8) as many:
        list(many.map(lambda number: _make(client, SEED + number), range(MANY)))
    return client


@pytest.fixture(scope="module")
def everything(shop: Client) -> list[Campaign]:
    """All of them, each read by its id."""
    token = shop.post("/v1/campaigns", a_document(name="The last one")).ok(201).position
    statuses = [*ENDS[:-1], "failed"]
    listed = shop.pages("/v1/campaigns", deleted="true", status=statuses, limit=200, after=token)
    with ThreadPoolExecutor(4) as many:
        read = list(many.map(lambda item: shop.get(f"/v1/campaigns/{item['id']}").ok().body, listed))
    assert len(read) == MANY + 1
    return read


def _text(campaign: Campaign) -> str:
    return f"{campaign['name']} {campaign['description'] or ''}".lower()


def _filters(everything: list[Campaign]) -> dict[str, list[tuple[Any, Callable[[Campaign], bool]]]]:
    times = sorted(campaign["created_at"] for campaign in everything)
    early, late = times[len(times) // 4], times[3 * len(times) // 4]
    return {
        "status": [
            (["draft"], lambda c: c["status"] == "draft"),
            (["active", "paused"], lambda c: c["status"] in ("active", "paused")),
            (["archived"], lambda c: c["status"] == "archived"),
        ],
        "type": [("promotion", lambda c: c["type"] == "promotion")],
        "platform": [("instagram", lambda c: "instagram" in c["platforms"])],
        "tag": [("vip", lambda c: "vip" in c["tags"])],
        "text": [("Maple", lambda c: "maple" in _text(c)), ("cider", lambda c: "cider" in _text(c))],
        "created_from": [(early, lambda c: c["created_at"] >= early)],
        "created_to": [(late, lambda c: c["created_at"] < late)],
        "deleted": [("true", lambda c: True)],
    }


def _asked(everything: list[Campaign]) -> Iterator[tuple[dict[str, Any], list[Callable[[Campaign], bool]]]]:
    """Every filter alone, every pair, and a hundred larger combinations."""
    filters = _filters(everything)
    choose = random.Random(SEED)
    larger = [choose.sample(sorted(filters), choose.randint(3, len(filters))) for _ in range(100)]
    pairs = itertools.combinations(filters, 2)
    for names in [(), *((name,) for name in filters), *pairs, *larger]:
        chosen = {name: choose.choice(filters[name]) for name in names}
        yield {name: value for name, (value, _) in chosen.items()}, [test for _, test in chosen.values()]


@pytest.mark.req("CAM-1")
def test_filters_alone_and_combined_equal_a_filter_in_python(shop: Client, everything: list[Campaign]) -> None:
    print(f"seed {SEED}")
    found_some = 0
    for query, tests in _asked(everything):
        expected = {
            campaign["id"]
            for campaign in everything
            if all(test(campaign) for test in tests)
            and (campaign["status"] != "archived" or "archived" in query.get("status", []))
            and (campaign["deleted_at"] is None or query.get("deleted") == "true")
        }

        found = [item["id"] for item in shop.pages("/v1/campaigns", **query, limit=200)]

        assert (query, len(found), set(found)) == (query, len(expected), expected)
        found_some += bool(expected)
    assert found_some > 50


def test_an_item_of_the_list_says_what_the_campaign_itself_says(shop: Client, everything: list[Campaign]) -> None:
    items = {item["id"]: item for item in shop.pages("/v1/campaigns", limit=200)}

    for campaign in everything:
        if campaign["id"] in items:
            shown = items[campaign["id"]]
            assert without_tokens({name: campaign[name] for name in shown}) == without_tokens(shown)


@pytest.mark.parametrize(
    ("sort", "field", "backwards"),
    [
        ("created_at", "created_at", False), ("-created_at", "created_at", True), ("name", "name", False),
        ("-name", "name", True), ("-updated_at", "updated_at", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("limit", [7, 200])
def test_pages_follow_the_sort(
    shop: Client, everything: list[Campaign], sort: str, field: str, backwards: bool, limit: int
) -> None:
    items = shop.pages("/v1/campaigns", sort=sort, limit=limit)

    values = [item[field] for item in items]
    assert values == sorted(values, reverse=backwards)
    assert len({item["id"] for item in items}) == len(items)


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-updated_at"])
def test_pages_stay_complete_while_rows_are_added(alice: Client, sort: str) -> None:
    first = [drafted(alice, name=f"Campaign {number:02}") for number in range(20)]
    token = alice.get(f"/v1/campaigns/{first[0]}").position
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = alice.get("/v1/campaigns", sort=sort, limit=3, after=token, **cursor).ok().body
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
        if len(seen) < 15:
            token = alice.post("/v1/campaigns", a_document(name=f"Campaign {len(seen):02} b")).position

    assert set(first) <= set(seen)
    assert len(seen) == len(set(seen))


def test_a_cursor_is_bound_to_its_filters_its_sort_and_its_workspace(shop: Client, stranger: Client) -> None:
    cursor = shop.get("/v1/campaigns", limit=2, type="promotion").ok().body["next"]

    assert shop.get("/v1/campaigns", limit=3, type="promotion", cursor=cursor).status == 200
    assert shop.get("/v1/campaigns", limit=2, type="ppv", cursor=cursor).status == 422
    assert shop.get("/v1/campaigns", limit=2, type="promotion", sort="name", cursor=cursor).status == 422
    assert stranger.get("/v1/campaigns", limit=2, type="promotion", cursor=cursor).status == 422
    assert shop.get("/v1/campaigns", cursor=cursor[:-4]).status == 422


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0}, {"limit": 201}, {"limit": "x"}, {"status": "flying"}, {"type": "x"}, {"platform": "pigeon"},
        {"created_from": "yesterday"}, {"colour": "red"}, {"sort": "colour"}, {"deleted": "perhaps"},
        {"as_of": "2026-01-01T00:00:00Z"},
    ],
)  # fmt: skip
def test_a_question_of_another_shape_is_refused_by_name(alice: Client, query: dict[str, Any]) -> None:
    answer = alice.get("/v1/campaigns", **query)

    assert answer.status == 422
    assert [fault["pointer"].strip("/") for fault in answer.body["errors"]] == list(query)
