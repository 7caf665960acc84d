"""A/B tests over HTTP: planned, shown to contacts, and waited for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from tests.support.campaigns import drafted, move
from tests.support.client import Answer, Client
from tests.waiting import wait_until

SMALL = {"impressions": 100, "clicks": 10, "conversions": 10}
"""A minimum sample that a test of a few hundred contacts meets."""


def a_plan(*names: str, **changes: Any) -> dict[str, Any]:
    """A plan as a client writes it; the first arm is the control."""
    arms = names or ("control", "new")
    return {
        "name": "Subject line",
        "metric": "conversion",
        "variants": [{"name": name, "control": name == arms[0]} for name in arms],
        "minimum_sample": SMALL,
        **changes,
    }


def planned(client: Client, campaign: str, *names: str, **changes: Any) -> str:
    """The id of a new test on a campaign."""
    return str(client.post(f"/v1/campaigns/{campaign}/ab-test", a_plan(*names, **changes)).ok(201).body["id"])


def running(client: Client, *names: str, **changes: Any) -> tuple[str, str]:
    """The ids of a launched campaign and of its test, which has started by itself."""
    campaign = drafted(client)
    test = planned(client, campaign, *names, **changes)
    move(client, campaign, "launch").ok()
    wait_until(lambda: status_of(client, test) == "running")
    return campaign, test


def status_of(client: Client, test: str) -> str:
    """How it stands."""
    return str(client.get(f"/v1/ab-tests/{test}").ok().body["status"])


def shown(campaign: str, variant: str, count: int, converted: int, **more: Any) -> Iterator[dict[str, Any]]:
    """Facts of ``count`` contacts of an arm, the first ``converted`` of whom bought something."""
    for number in range(count):
        about = {"campaign_id": campaign, "variant": variant, "contact_id": f"{variant}-{number}", **more}
        yield {"id": f"{campaign}-{variant}-{number}-seen", "kind": "exposure", **about}
        if number < converted:
            yield bought(campaign, variant, number, **more)


def bought(campaign: str, variant: str, number: int, amount: int = 1999, **more: Any) -> dict[str, Any]:
    """The conversion of the arm's contact of that number."""
    return {
        "id": f"{campaign}-{variant}-{number}-bought",
        "kind": "conversion",
        "campaign_id": campaign,
        "variant": variant,
        "contact_id": f"{variant}-{number}",
        "value": {"amount": amount, "currency": "USD"},
        **more,
    }


def summed(campaign: str, counts: Mapping[str, tuple[int, int]], tag: str = "") -> list[dict[str, Any]]:
    """Facts without contacts, as ad platforms report them: impressions and conversions of each arm."""
    facts: list[dict[str, Any]] = []
    for variant, (impressions, conversions) in counts.items():
        about = {"campaign_id": campaign, "variant": variant}
        if impressions:
            facts.append({"kind": "impression", "quantity": impressions, "id": f"{campaign}-{variant}-i{tag}", **about})
        if conversions:
            value = {"amount": 0, "currency": "USD"}
            id = f"{campaign}-{variant}-c{tag}"
            facts.append({"kind": "conversion", "quantity": conversions, "value": value, "id": id, **about})
    return facts


def told(client: Client, facts: Iterable[Mapping[str, Any]]) -> str:
    """Send facts, a thousand at a time; gives the position behind them."""
    rest = iter(facts)
    position = ""
    while batch := list(islice(rest, 1000)):
        position = client.track(*batch).body["position"]
    return position


def results(client: Client, test: str, after: str | None = None, **query: Any) -> Answer:
    """What it has found, by ``after`` at least."""
    waiting = {} if after is None else {"after": after, "wait": 30}
    return client.get(f"/v1/ab-tests/{test}/results", **waiting, **query).ok()


def figures(answer: Answer) -> dict[str, Any]:
    """The result without positions, which go on while it stays the same."""
    looks = [{name: value for name, value in look.items() if name != "position"} for look in answer.body["looks"]]
    return {name: value for name, value in answer.body.items() if name not in ("position", "looks")} | {"looks": looks}


def events_of(client: Client, test: str) -> list[str]:
    """What happened to it, oldest first, by name."""
    return [event["event"] for event in reversed(client.pages(f"/v1/ab-tests/{test}/history", limit=200))]
