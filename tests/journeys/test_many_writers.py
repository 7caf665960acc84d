"""Many writers at once, through two api processes: nothing lost, nothing twice, no gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from psycopg import sql

from tests.journeys.conftest import Whole
from tests.support.campaigns import campaign_in, drafted, history_of, move
from tests.support.client import Answer, Client
from tests.support.server import Api


def at_once(asks: list[Callable[[], Answer]]) -> list[Answer]:
    """Ask all of them at the same moment, each in a thread of its own."""
    start = Barrier(len(asks))

    def ask(one: Callable[[], Answer]) -> Answer:
        start.wait()
        return one()

    with ThreadPoolExecutor(len(asks)) as threads:
        return list(threads.map(ask, asks))


@pytest.mark.req("EVT-2")
def test_sixteen_writers_on_one_campaign_leave_versions_without_a_gap(alice: Client, second_api: Api) -> None:
    users = [alice, alice.at(second_api.url)]
    campaign = drafted(alice)

    def write(writer: int) -> list[Answer]:
        user = users[writer % 2]
        tags = [[f"{writer}-{number}"] for number in range(5)]
        return [user.patch(f"/v1/campaigns/{campaign}", {"tags": tag}) for tag in tags]

    with ThreadPoolExecutor(16) as writers:
        answers = [answer for answers in writers.map(write, range(16)) for answer in answers]

    accepted = [answer for answer in answers if answer.status == 200]
    events = history_of(alice, campaign)
    assert Counter(answer.status for answer in answers) <= Counter({200: 80, 409: 80})
    assert len(accepted) > 16
    assert sorted(answer.version for answer in accepted) == list(range(2, len(accepted) + 2))
    assert [event["version"] for event in events] == list(range(1, len(accepted) + 2))
    told = {event["version"]: event["changes"] for event in events[1:]}
    assert all(told[answer.version][0]["to"] == answer.body["tags"] for answer in accepted)


@pytest.mark.req("EVT-2")
def test_of_sixteen_with_one_version_in_mind_one_writes_and_fifteen_learn_which_version_stands(
    alice: Client, second_api: Api
) -> None:
    users = [alice, alice.at(second_api.url)]
    campaign = drafted(alice)

    answers = at_once(
        [
            lambda writer=writer: users[writer % 2].patch(  # type: ignore[misc]
                f"/v1/campaigns/{campaign}", {"name": f"Writer {writer}"}, if_match=1
            )
            for writer in range(16)
        ]
    )

    assert Counter(answer.status for answer in answers) == {200: 1, 412: 15}
    assert all(answer.body["version"] == 2 for answer in answers)
    assert len(history_of(alice, campaign)) == 2


@pytest.mark.req("EVT-2")
def test_sixty_four_calls_with_one_key_are_one_event(alice: Client, second_api: Api) -> None:
    users = [alice, alice.at(second_api.url)]
    campaign = campaign_in(alice, "active")

    answers = at_once(
        [lambda call=call: move(users[call % 2], campaign, "pause", key="one-key") for call in range(64)]  # type: ignore[misc]
    )

    done = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status != 200]
    assert {answer.content for answer in done} == {done[0].content}
    assert sum(not answer.replayed for answer in done) == 1
    assert all((answer.status, answer.body["type"]) == (409, "/problems/request-in-flight") for answer in refused)
    assert [event["event"] for event in history_of(alice, campaign)].count("campaign.paused") == 1


def test_sixty_four_creates_with_one_key_make_one_campaign(alice: Client, second_api: Api) -> None:
    users = [alice, alice.at(second_api.url)]
    document = {"name": "Once", "type": "promotion", "delivery": "broadcast"}

    answers = at_once(
        [
            lambda call=call: users[call % 2].post("/v1/campaigns", document, key="make-one")  # type: ignore[misc]
            for call in range(64)
        ]
    )

    done = [answer for answer in answers if answer.status == 201]
    assert {answer.body["id"] for answer in done} == {done[0].body["id"]}
    assert {answer.status for answer in answers} <= {201, 409}
    assert len(alice.get("/v1/campaigns", after=done[0].position).body["items"]) == 1


@pytest.mark.req("EVT-5")
def test_recorded_times_never_run_backwards_with_twenty_four_writers_on_both_logs(
    whole: Whole, alice: Client, second_api: Api
) -> None:
    users = [alice, alice.at(second_api.url)]
    campaigns = [drafted(alice) for _ in range(24)]

    def write(writer: int) -> None:
        user, campaign = users[writer % 2], campaigns[writer]
        for number in range(20):
            if writer % 4 < 2:
                user.patch(f"/v1/campaigns/{campaign}", {"tags": [f"{writer} {number}"]}).ok()
            else:
                user.track(*[{"kind": "click", "campaign_id": campaign} for _ in range(1 + number)])

    with ThreadPoolExecutor(24) as writers:
        list(writers.map(write, range(24)))

    with psycopg.connect(whole.product.dsn) as connection:
        for log in ("events", "facts"):
            backwards = connection.execute(
                sql.SQL(
                    "select count(*) filter (where recorded_at <= before), count(*) from"
                    " (select recorded_at, lag(recorded_at) over (order by position) as before from ballyhoo.{}) l"
                ).format(sql.Identifier(log))
            ).fetchone()
            assert backwards is not None
            assert backwards[0] == 0
            assert backwards[1] > 240
