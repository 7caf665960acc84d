"""Campaigns over HTTP, in every status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.client import Answer, Client
from tests.waiting import wait_until

WAYS: dict[str, tuple[str, ...]] = {
    "draft": (),
    "scheduled": ("schedule",),
    "active": ("launch",),
    "paused": ("launch", "pause"),
    "completed": ("launch", "complete"),
    "cancelled": ("cancel",),
    "archived": ("archive",),
    "deleted": ("delete",),
}
"""The moves that lead from a draft to each status; what is archived or deleted was a draft before."""


def a_document(**changes: Any) -> dict[str, Any]:
    """A campaign that is ready to be launched, as a client writes it."""
    return {
        "name": "Autumn e-mail",
        "type": "promotion",
        "delivery": "broadcast",
        "platforms": ["email"],
        "content": {"default": {"subject": "Leaves fall", "body": "Prices too."}},
        "currency": "USD",
        "budget": {"amount": 500_000, "currency": "USD"},
        **changes,
    }


def in_(**duration: float) -> str:
    """A moment from now, as a client writes it."""
    return (datetime.now(UTC) + timedelta(**duration)).isoformat()


def drafted(client: Client, **changes: Any) -> str:
    """The id of a new draft."""
    return str(client.post("/v1/campaigns", a_document(**changes)).ok(201).body["id"])


def move(client: Client, campaign: str, name: str, body: Any = None, **conditions: Any) -> Answer:
    """Ask for a move by its name in the table; ``delete`` is one too. ``schedule`` gets a start by itself."""
    if name == "delete":
        return client.delete(f"/v1/campaigns/{campaign}", **conditions)
    if name == "schedule" and body is None:
        body = {"starts_at": in_(days=1)}
    return client.post(f"/v1/campaigns/{campaign}/{name}", body, **conditions)


def campaign_in(client: Client, status: str, **changes: Any) -> str:
    """The id of a new campaign in a status; ``failed`` needs a running worker and half a second."""
    if status == "failed":
        return failed(client)
    campaign = drafted(client, **changes)
    for name in WAYS[status]:
        move(client, campaign, name).ok()
    return campaign


def failed(client: Client) -> str:
    """The id of a campaign that fell due without being ready."""
    campaign = drafted(client, platforms=[])
    move(client, campaign, "schedule", {"starts_at": in_(seconds=0.4)}).ok()
    wait_until(lambda: status_of(client, campaign) == "failed")
    return campaign


def without_tokens(campaign: dict[str, Any]) -> dict[str, Any]:
    """A campaign without the one thing that differs in each answer: the sealed position of its final metrics."""
    final = campaign["final"]
    return campaign | {"final": final and {name: final[name] for name in final if name != "position"}}


def status_of(client: Client, campaign: str) -> str:
    """How it stands."""
    return str(client.get(f"/v1/campaigns/{campaign}").ok().body["status"])


def history_of(client: Client, campaign: str) -> list[dict[str, Any]]:
    """Its events, oldest first."""
    return list(reversed(client.pages(f"/v1/campaigns/{campaign}/history", limit=200)))
