"""A user who does whatever comes to mind, over HTTP, while an oracle foretells every answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    multiple,
    precondition,
    rule,
)

from tests.model.oracle import DONE, MOVES, REFUSED, STALE, UNKNOWN, Campaign, Oracle, measures
from tests.support.campaigns import a_document, in_
from tests.support.client import Answer, Client, conditions

STAGES = ("delivery", "click", "conversion")
ENDS = {"complete", "cancel", "archive", "delete"}
MOST_CAMPAIGNS = 8
KEPT = {DONE, 201, UNKNOWN, REFUSED, STALE}

names = st.sampled_from(["Maple", "Cider", "Lantern"])
tags = st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True)
platforms = st.sampled_from([[], ["email"], ["email", "sms"]])
patches = st.fixed_dictionaries(
    {},
    optional={
        "name": names, "tags": tags, "platforms": platforms, "type": st.sampled_from(["promotion", "ppv"]),
        "goals": st.sampled_from([{"conversions": 5}, {"engagement": 9}]),
    },
)  # fmt: skip
matches = st.sampled_from([None, None, "right", "stale"])


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    """A fact without its campaign: few ids, orders and contacts, so that they meet again."""
    kind = draw(
        st.sampled_from(["exposure", "delivery", "impression", "click", "conversion", "refund", "spend", "void"])
    )
    fact: dict[str, Any] = {"id": f"fact-{draw(st.integers(1, 12))}", "kind": kind}
    if kind == "void":
        return fact | {"voids": f"fact-{draw(st.integers(1, 12))}"}
    if kind in ("conversion", "refund", "spend"):
        fact["value"] = {"amount": draw(st.integers(0, 500)), "currency": "USD"}
    if kind == "conversion" and draw(st.booleans()):
        # An id of its own: what becomes of one that came with an order that was there is nobody's business.
        fact |= {"id": str(uuid4()), "order_id": f"order-{draw(st.integers(1, 4))}"}
    if draw(st.booleans()):
        fact["variant"] = draw(st.sampled_from(["a", "b"]))
    if draw(st.booleans()):
        return fact | {"contact_id": f"contact-{draw(st.integers(1, 4))}"}
    return fact | {"quantity": draw(st.integers(1, 3))}


class Workspace(RuleBasedStateMachine):
    """A new workspace, everything that is done in it, and every answer compared with the oracle's."""

    campaigns = Bundle("campaigns")

    def __init__(self, new_client: Callable[[], Client]) -> None:
        super().__init__()
        self.client = new_client()
        self.oracle = Oracle()
        self.told: str | None = None
        self.done: str | None = None
        self.keyed: list[tuple[str, str, Any, str, Answer]] = []

    @initialize(target=campaigns, seed=st.integers(0, 2**32 - 1))
    def begin(self, seed: int) -> MultipleResults[str]:
        """There are three campaigns that have already been somewhere."""
        ids = [self.drafted("Maple", ["a"], ["email"]) for _ in range(3)]
        for number, id in enumerate(ids):
            self.walk(id, random.Random(seed + number))
        return multiple(*ids)

    @precondition(lambda self: len(self.oracle.campaigns) < MOST_CAMPAIGNS)
    @rule(target=campaigns, name=names, tags=tags, platforms=platforms)
    def draft(self, name: str, tags: list[str], platforms: list[str]) -> str:
        """A new campaign is a draft of version 1."""
        return self.drafted(name, tags, platforms)

    def drafted(self, name: str, tags: list[str], platforms: list[str]) -> str:
        """The id of a new draft."""
        settings = {"name": name, "tags": tags, "platforms": platforms, "type": "promotion", "goals": {}}
        answer = self.command("POST", "/v1/campaigns", a_document(**settings), None)
        assert (answer.status, answer.version) == (201, 1), answer
        self.oracle.campaigns[answer.body["id"]] = [Campaign(settings)]
        return str(answer.body["id"])

    @rule(id=campaigns, move=st.sampled_from(MOVES), match=matches)
    def try_move(self, id: str, move: str, match: str | None) -> None:
        """A move is made where the table has it."""
        self.move(id, move, match)

    @rule(id=campaigns, seed=st.integers(0, 2**32 - 1))
    def wander(self, id: str, seed: int) -> None:
        """Some moves on one campaign."""
        self.walk(id, random.Random(seed))

    @rule(move=st.sampled_from(MOVES))
    def ask_for_nothing(self, move: str) -> None:
        """What does not exist is not found."""
        nowhere = str(uuid4())
        self.move(nowhere, move, None)
        assert self.client.get(f"/v1/campaigns/{nowhere}/metrics").status == UNKNOWN

    @rule(id=campaigns, patch=patches, match=matches)
    def patch(self, id: str, patch: dict[str, Any], match: str | None) -> None:
        """A patch is applied where no field of it is locked."""
        replaced = {name: value for name, value in patch.items() if name != "goals"}
        if "goals" in patch:
            replaced["goals"] = self.oracle.campaigns[id][-1].settings["goals"] | patch["goals"]
        if_match = self.if_match(id, match)
        expected = self.oracle.decide(id, lambda campaign: campaign.changed(replaced), if_match)
        self.compare(id, self.command("PATCH", f"/v1/campaigns/{id}", patch, if_match), expected)

    @precondition(lambda self: len(self.oracle.campaigns) < MOST_CAMPAIGNS)
    @rule(target=campaigns, id=campaigns, name=names)
    def duplicate(self, id: str, name: str) -> str:
        """A duplicate is a draft with the same settings but its new name."""
        answer = self.command("POST", f"/v1/campaigns/{id}/duplicate", {"name": name}, None)
        versions = self.oracle.campaigns[id]
        if versions[-1].deleted:
            assert answer.status == REFUSED, answer
            return id
        assert (answer.status, answer.version) == (201, 1), answer
        self.oracle.campaigns[answer.body["id"]] = [Campaign(versions[-1].settings | {"name": name})]
        return str(answer.body["id"])

    @precondition(lambda self: self.keyed)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """What has been answered under a key is answered again, word for word, and nothing else happens."""
        method, path, body, key, first = data.draw(st.sampled_from(self.keyed))
        again = self.client.call(method, path, body, headers=conditions(key))
        assert (again.status, again.content, again.replayed) == (first.status, first.content, True)

    @rule(data=st.data(), batch=st.lists(facts(), min_size=1, max_size=8))
    def track(self, data: st.DataObject, batch: list[dict[str, Any]]) -> None:
        """Each fact of a batch is taken in, known already, or refused alone."""
        known = sorted(self.oracle.campaigns)
        sent = [fact | {"campaign_id": data.draw(st.sampled_from(known))} for fact in batch]
        if data.draw(st.booleans()):
            sent.append({"id": "nowhere", "kind": "click", "campaign_id": str(uuid4())})
        answer = self.client.post("/v1/track/batch", {"facts": sent}).ok().body
        accepted, duplicates, refused = self.oracle.take_in(sent)
        assert (answer["accepted"], answer["duplicates"]) == (accepted, duplicates), (answer, sent)
        assert [item["index"] for item in answer["rejected"]] == refused
        self.told = answer["position"]

    @rule(id=campaigns)
    def read_figures(self, id: str) -> None:
        """The figures are those of the facts that count, in total, by variant, by stage and as a return."""
        answer = self.read(f"/v1/campaigns/{id}/metrics", self.told, group_by="variant")
        found = answer.ok().body
        expected = measures(self.oracle.counting(id))
        self.same(found["total"], expected)
        groups = {group["key"]["variant"]: group for group in found["groups"]}
        for variant in ("a", "b"):
            own = self.oracle.counting(id, variant)
            assert (variant in groups) == bool(own), (variant, groups, own)
            if own:
                self.same(groups[variant], measures(own))
        stages = self.read(f"/v1/campaigns/{id}/funnel", self.told, stages=",".join(STAGES)).ok().body["stages"]
        roi = self.read(f"/v1/campaigns/{id}/roi", self.told).ok().body
        assert [stage["count"] for stage in stages] == self.oracle.funnel(id, STAGES)
        assert (roi["revenue"], roi["refunds"], roi["cost"]) == (
            expected["revenue"], expected["refunds"], expected["spend"],
        )  # fmt: skip
        assert roi["roi"] == pytest.approx(expected["roi"])

    @rule(data=st.data(), id=campaigns)
    def read_the_past(self, data: st.DataObject, id: str) -> None:
        """Every version is still what it was, and each accepted command is one event."""
        versions = self.oracle.campaigns[id]
        version = data.draw(st.integers(1, len(versions)))
        found = self.client.get(f"/v1/campaigns/{id}", as_of=version).ok().body
        self.same_campaign(found, versions[version - 1], version)
        items = self.client.pages(f"/v1/campaigns/{id}/history", limit=200)
        assert [item["version"] for item in items] == list(range(len(versions), 0, -1))

    @rule(status=st.sampled_from([None, "draft", "active", "archived"]), deleted=st.booleans())
    def read_list(self, status: str | None, deleted: bool) -> None:
        """The list shows what stands, archived and deleted ones only when asked for."""
        query = {} if status is None else {"status": status}
        if deleted:
            query["deleted"] = "true"
        items = self.read("/v1/campaigns", self.done, limit=200, **query).ok().body["items"]
        expected = {
            id: versions
            for id, versions in self.oracle.campaigns.items()
            if (versions[-1].status == status if status else versions[-1].status != "archived")
            and (deleted or not versions[-1].deleted)
        }
        assert {item["id"] for item in items} == set(expected)
        for item in items:
            self.same_campaign(item, expected[item["id"]][-1], len(expected[item["id"]]))

    def teardown(self) -> None:
        """At the end every move that the table does not have is asked for: chance alone seldom asks for one in the
        status that would tell."""
        for id in self.oracle.campaigns:
            for move in MOVES:
                if not self.oracle.campaigns[id][-1].moved(move):
                    self.move(id, move, None)

    def move(self, id: str, move: str, match: str | None) -> None:
        """Ask for a move, and compare the answer."""
        body = {"starts_at": in_(days=1)} if move == "schedule" else None
        method, path = ("DELETE", "") if move == "delete" else ("POST", f"/{move}")
        if_match = self.if_match(id, match)
        expected = self.oracle.decide(id, lambda campaign: campaign.moved(move), if_match)
        self.compare(id, self.command(method, f"/v1/campaigns/{id}{path}", body, if_match), expected)

    def walk(self, id: str, choose: random.Random) -> None:
        """Some moves, two of three open ones, seldom those that end it: chance alone leads nowhere."""
        for _ in range(6):
            now = self.oracle.campaigns[id][-1]
            asked = [move for move in MOVES if now.moved(move)] if choose.random() < 0.67 else list(MOVES)
            self.move(id, choose.choices(asked, [1 if move in ENDS else 4 for move in asked])[0], None)

    def command(self, method: str, path: str, body: Any, if_match: int | None) -> Answer:
        """Ask, with a key that may be used again."""
        key = str(uuid4())
        answer = self.client.call(method, path, body, headers=conditions(key, if_match))
        if answer.status in KEPT:
            self.keyed.append((method, path, body, key, answer))
        if answer.status in (DONE, 201):
            self.done = answer.position
        return answer

    def read(self, path: str, position: str | None, **query: Any) -> Answer:
        """Read what reflects everything up to a position."""
        return self.client.get(path, **query, **({} if position is None else {"after": position}))

    def if_match(self, id: str, match: str | None) -> int | None:
        """The version to insist on."""
        if match is None:
            return None
        stands = len(self.oracle.campaigns[id])
        return stands if match == "right" else stands + 1

    def compare(self, id: str, answer: Answer, expected: set[int]) -> None:
        """The answer to a command is one of those expected, and shows the campaign as it now is."""
        assert answer.status in expected, (answer, expected)
        if answer.status == DONE:
            versions = self.oracle.campaigns[id]
            assert answer.version == len(versions)
            self.same_campaign(answer.body, versions[-1], len(versions))

    def same_campaign(self, found: dict[str, Any], expected: Campaign, version: int) -> None:
        """A campaign of an answer is the oracle's."""
        shown = {name: found[name] for name in expected.settings}
        assert (found["version"], found["status"], found["deleted_at"] is not None, shown) == (
            version, expected.status, expected.deleted, expected.settings,
        )  # fmt: skip

    def same(self, found: dict[str, Any], expected: dict[str, Any]) -> None:
        """Figures of an answer are the oracle's."""
        for name, value in expected.items():
            assert (name, found[name]) == (name, pytest.approx(value))
