"""Facts on their way into the log: each once, everything as it was sent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.engagement_log.log import PostgresFactLog
from adapters.engagement_log.queue import FairQueue
from application.ports import Overloaded
from application.ports_facts import RecordedFacts
from domain.engagement.fact import Fact
from domain.engagement.kinds import CLICK, CONVERSION, CUSTOM, FIRST_CUSTOM, IMPRESSION, REFUND, VOID
from tests.adapters.engagement_log.conftest import Opens, World, opened

LABELS = ("mens", "email", None, "phone", "FR", "/boots")


async def test_a_fact_is_kept_as_it_was_sent(world: World, open_log: Opens) -> None:
    workspace = world.workspace()
    _, campaign = world.campaign(workspace)
    log = await open_log(world.url)
    at = datetime(2026, 11, 20, 9, 15, 30, 123_456, tzinfo=UTC)
    fact = Fact(
        "f-1", CONVERSION, campaign, at, "customer-17", LABELS, 1, 1999, 1, "A-1", None, None, '{"a":"ü"}'.encode()
    )

    recorded = await log.record(workspace, [fact])

    (row,) = world.facts(workspace)
    ((labels),) = world.rows(
        "select variant, platform, segment, device, country, link from ballyhoo.label_sets where id = %s", row["labels"]
    )
    assert not recorded.duplicates
    assert not recorded.refused
    assert recorded.position.engagement == row["position"]
    assert labels == LABELS
    assert row["contact"].version == 4
    assert row["part"] == row["contact"].bytes[15] % 16
    assert {name: row[name] for name in ("id", "kind", "campaign", "occurred_at", "quantity", "amount", "type")} == {
        "id": "f-1",
        "kind": CONVERSION,
        "campaign": campaign,
        "occurred_at": at,
        "quantity": 1,
        "amount": 1999,
        "type": 1,
    }
    assert (row["order_id"], row["properties"], row["voids"], row["voided"]) == ("A-1", '{"a":"ü"}', None, False)


async def test_what_is_left_out_is_null_or_the_time_of_receipt(world: World, open_log: Opens) -> None:
    workspace = world.workspace()
    _, campaign = world.campaign(workspace)

    await (await open_log(world.url)).record(workspace, [Fact("f", CLICK, campaign)])

    (row,) = world.facts(workspace)
    assert row["occurred_at"] == row["recorded_at"]
    absent = ("amount", "voids_position", "contact", "voids", "labels", "order_id", "properties")
    assert [row[name] for name in absent] == [None] * len(absent)


async def test_the_tests_clock_is_the_time_of_receipt(fresh_world: World, open_log: Opens) -> None:
    workspace = fresh_world.workspace()
    _, campaign = fresh_world.campaign(workspace)
    clock = datetime(2031, 5, 1, tzinfo=UTC)

    await (await open_log(fresh_world.url, clock=clock)).record(workspace, [Fact("f", CLICK, campaign)])

    assert fresh_world.facts(workspace)[0]["recorded_at"] == clock


async def test_names_of_custom_facts_are_numbered_per_workspace(world: World, open_log: Opens) -> None:
    log = await open_log(world.url)
    numbers: dict[tuple[int, str], int] = {}
    for workspace in (world.workspace(), world.workspace()):
        _, campaign = world.campaign(workspace)
        for index, name in enumerate(["search", "video.play", "search"]):
            await log.record(workspace, [Fact(f"f-{index}", CUSTOM, campaign, name=name)])
            numbers[workspace, name] = world.facts(workspace)[-1]["kind"]
        assert world.facts(workspace)[0]["kind"] == world.facts(workspace)[2]["kind"]

    assert len(set(numbers.values())) == 4
    assert min(numbers.values()) >= FIRST_CUSTOM


async def test_a_campaign_is_known_in_its_workspace_alone(world: World, open_log: Opens) -> None:
    log: PostgresFactLog = await open_log(world.url)
    mine, theirs = world.workspace(), world.workspace()
    id, stream = world.campaign(mine, "JPY")

    assert log.known_campaign(mine, id) is None
    found = await log.campaigns(mine, [id, id.upper(), str(uuid4())])

    assert {name: (campaign.stream, campaign.exponent) for name, campaign in found.items()} == {
        id: (stream, 0),
        id.upper(): (stream, 0),
    }
    assert log.known_campaign(mine, id) == found[id]
    assert await log.campaigns(theirs, [id]) == {}
    assert log.known_campaign(theirs, id) is None


async def test_a_campaign_that_was_missing_is_found_once_it_is_made(world: World, open_log: Opens) -> None:
    log = await open_log(world.url)
    workspace, id = world.workspace(), str(uuid4())
    assert await log.campaigns(workspace, [id]) == {}

    world.rows(
        "insert into ballyhoo.streams(workspace, id, kind, version, currency) values (%s, %s, 'campaign', 1, 'USD')",
        workspace,
        id,
    )

    assert set(await log.campaigns(workspace, [id])) == {id}


async def test_only_campaigns_are_found_as_campaigns(world: World, open_log: Opens) -> None:
    log = await open_log(world.url)
    workspace, id = world.workspace(), str(uuid4())
    world.rows(
        "insert into ballyhoo.streams(workspace, id, kind, version) values (%s, %s, 'ab_test', 1)", workspace, id
    )

    assert await log.campaigns(workspace, [id]) == {}


async def test_no_facts_answer_the_present_position(world: World, open_log: Opens) -> None:
    log = await open_log(world.url)
    workspace = world.workspace()
    _, campaign = world.campaign(workspace)
    recorded = await log.record(workspace, [Fact("f", CLICK, campaign)])

    assert (await log.record(workspace, [])).position == recorded.position


async def test_the_same_ids_in_two_workspaces_are_two_facts(world: World, open_log: Opens) -> None:
    log = await open_log(world.url)
    ids = ["f", str(uuid4())]

    for workspace in (world.workspace(), world.workspace()):
        _, campaign = world.campaign(workspace)
        recorded = await log.record(
            workspace, [Fact(id, CONVERSION, campaign, contact="c", amount=1, order_id="o" + id) for id in ids]
        )
        assert not recorded.duplicates


async def test_a_contact_is_one_uuid_in_its_workspace_and_another_elsewhere(world: World, open_log: Opens) -> None:
    one, other = await open_log(world.url), await open_log(world.url)
    mine, theirs = world.workspace(), world.workspace()
    _, campaign = world.campaign(mine)
    _, foreign = world.campaign(theirs)

    await asyncio.gather(
        one.record(mine, [Fact(f"a{n}", CLICK, campaign, contact="c") for n in range(3)]),
        other.record(mine, [Fact(f"b{n}", CLICK, campaign, contact="c") for n in range(3)]),
        one.record(theirs, [Fact("a", CLICK, foreign, contact="c")]),
    )
    await other.record(mine, [Fact("again", CLICK, campaign, contact="c")])

    rows = world.facts(mine)
    assert len(rows) == 7
    assert len({row["contact"] for row in rows}) == 1
    assert {row["part"] for row in rows} == {rows[0]["contact"].bytes[15] % 16}
    assert world.facts(theirs)[0]["contact"] != rows[0]["contact"]
    assert world.rows("select external, contact from ballyhoo.contact_ids where workspace = %s", mine) == [
        ("c", rows[0]["contact"])
    ]


async def test_a_contact_that_was_given_two_uuids_in_one_group_has_one(world: World, open_log: Opens) -> None:
    log, mine = await open_log(world.url), world.workspace()
    _, campaign = world.campaign(mine)
    await log.record(mine, [Fact("begins", CLICK, campaign)])

    first = log.record(mine, [Fact("first", CLICK, campaign, contact="c")])
    log._interning._unsaved.clear()  # as it happens where very many wait
    second = log.record(mine, [Fact("second", CLICK, campaign, contact="c")])
    await asyncio.gather(first, second)
    await log.record(mine, [Fact("third", CLICK, campaign, contact="c")])

    stored = {row["contact"] for row in world.facts(mine) if row["id"] != "begins"}
    assert world.rows("select contact from ballyhoo.contact_ids where workspace = %s", mine) == [(*stored,)]


@pytest.mark.req("EVT-8")
async def test_after_an_erasure_nobody_is_known_by_the_old_uuid(world: World, open_log: Opens) -> None:
    logs = [await open_log(world.url), await open_log(world.url)]
    workspace = world.workspace()
    _, campaign = world.campaign(workspace)
    for number, log in enumerate(logs):
        await log.record(workspace, [Fact(f"before-{number}", CLICK, campaign, contact=name) for name in ("jane",)])
    world.rows("delete from ballyhoo.contact_ids where workspace = %s", workspace)
    world.rows("update ballyhoo.workspaces set erasures = erasures + 1 where number = %s", workspace)

    for number, log in enumerate(logs):
        facts = [Fact(f"after-{number}-{n}", CLICK, campaign, contact=name) for n, name in enumerate(["jane", "joe"])]
        recorded = await log.record(workspace, facts)
        assert not recorded.duplicates

    old = {row["contact"] for row in world.facts(workspace) if row["id"].startswith("before")}
    new = {row["contact"] for row in world.facts(workspace) if row["id"].startswith("after")}
    assert (len(old), len(new)) == (1, 2)
    assert not old & new
    assert {
        row[0] for row in world.rows("select contact from ballyhoo.contact_ids where workspace = %s", workspace)
    } == new


async def test_times_of_recording_rise_with_positions(fresh_world: World, open_log: Opens) -> None:
    logs = [await open_log(fresh_world.url) for _ in range(3)]
    workspace = fresh_world.workspace()
    _, campaign = fresh_world.campaign(workspace)

    async def write(number: int) -> None:
        for n in range(20):
            facts = [Fact(f"{number}-{n}-{m}", CLICK, campaign) for m in range(n % 3 + 1)]
            await logs[number % 3].record(workspace, facts)

    await asyncio.gather(*(write(number) for number in range(24)))

    times = [row["recorded_at"] for row in fresh_world.facts(workspace)]
    assert len(times) == 24 * sum(n % 3 + 1 for n in range(20))
    assert times == sorted(set(times))


async def test_beyond_what_may_wait_the_log_is_overloaded(world: World, open_log: Opens) -> None:
    log = await open_log(world.url, queue=FairQueue(most_facts_each=10))
    workspace = world.workspace()
    _, campaign = world.campaign(workspace)

    results = await asyncio.gather(
        *(log.record(workspace, [Fact(f"{n}-{m}", CLICK, campaign) for m in range(6)]) for n in range(4)),
        return_exceptions=True,
    )

    refused = sum(isinstance(result, Overloaded) for result in results)
    assert 0 < refused < 4
    assert len(world.facts(workspace)) == 6 * (4 - refused)


async def recording(log: PostgresFactLog, workspace: int, facts: list[Fact]) -> RecordedFacts:
    """Record, from outside a loop."""
    return await log.record(workspace, facts)


IDS = st.sampled_from(["a", "b", "c", "d", "e", str(UUID(int=1)), str(UUID(int=2))])
ORDERS = st.sampled_from([None, "o1", "o2"])


@st.composite
def sent_facts(draw: st.DrawFn) -> dict[str, Any]:
    """A fact of one of two campaigns; few ids, so that they meet."""
    kind = draw(st.sampled_from([IMPRESSION, CONVERSION, REFUND, VOID]))
    return {
        "id": draw(IDS),
        "kind": kind,
        "campaign": draw(st.integers(0, 1)),
        "voids": draw(IDS) if kind == VOID else None,
        "order_id": draw(ORDERS) if kind in (CONVERSION, REFUND) else None,
        "amount": 5 if kind in (CONVERSION, REFUND) else None,
        "contact": draw(st.sampled_from([None, "x", "y"])),
    }


class Oracle:
    """What must come of facts that arrive one after the other, in plain words."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.orders: set[str] = set()
        self.accepted: list[dict[str, Any]] = []

    def takes(self, fact: dict[str, Any]) -> bool:
        """Whether a fact is accepted. A repeated id uses up no order; a repeated order uses up its id."""
        if fact["id"] in self.ids:
            return False
        self.ids.add(fact["id"])
        if fact["kind"] == CONVERSION and fact["order_id"] is not None:
            if fact["order_id"] in self.orders:
                return False
            self.orders.add(fact["order_id"])
        self.accepted.append(fact)
        return True

    def counted(self) -> set[str]:
        """What counts: what no void of the same campaign takes back. A void of a void has no effect."""
        voided = {(fact["voids"], fact["campaign"]) for fact in self.accepted if fact["kind"] == VOID}
        return {
            fact["id"]
            for fact in self.accepted
            if fact["kind"] != VOID and (fact["id"], fact["campaign"]) not in voided
        }


@pytest.mark.req("ANA-9")
def test_ids_orders_and_voids_in_any_order_and_any_batches_equal_an_oracle(world: World) -> None:
    with asyncio.Runner() as runner:
        entered = opened(world.url)
        log = runner.run(entered.__aenter__())

        @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(st.lists(sent_facts(), min_size=1, max_size=6), min_size=1, max_size=6))
        def holds(batches: list[list[dict[str, Any]]]) -> None:
            workspace = world.workspace()
            campaigns = [world.campaign(workspace)[1] for _ in range(2)]
            oracle = Oracle()
            for batch in batches:
                facts = [Fact(**{**fact, "campaign": campaigns[fact["campaign"]]}) for fact in batch]
                recorded = runner.run(recording(log, workspace, facts))
                refused = {index for index, fact in enumerate(batch) if not oracle.takes(fact)}
                assert set(recorded.duplicates) == refused
            assert [row["id"] for row in world.facts(workspace)] == [fact["id"] for fact in oracle.accepted]
            assert world.counted(workspace) == oracle.counted()

        try:
            holds()
        finally:
            runner.run(entered.__aexit__(None, None, None))


async def test_requests_at_the_same_time_share_ids_and_orders(world: World, open_log: Opens) -> None:
    logs = [await open_log(world.url) for _ in range(2)]
    workspace = world.workspace()
    _, campaign = world.campaign(workspace)

    def sale(id: int, order: int) -> Fact:
        return Fact(f"f-{id}", CONVERSION, campaign, amount=1, order_id=f"o-{order}")

    results = await asyncio.gather(
        *(logs[n % 2].record(workspace, [sale(n, n % 7), sale(n % 5 + 100, 50 + n), sale(n, n)]) for n in range(40))
    )

    accepted = sum(3 - len(result.duplicates) for result in results)
    rows = world.facts(workspace)
    assert accepted == len(rows)
    assert len({row["id"] for row in rows}) == len({row["order_id"] for row in rows}) == len(rows)
    head = max(row["position"] for row in rows)
    assert max(result.position.engagement for result in results) >= head
