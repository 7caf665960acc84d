"""Turns among workspaces, and the bounds of what waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.engagement_log.queue import FairQueue, Piece
from adapters.engagement_log.share import Share
from application.ports import Overloaded


class Time:
    """A clock that stands still until it is told."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def a_share(workspace: int, facts: int, size: int | None = None) -> Share:
    """A share of so many facts, of ten bytes each unless said."""
    share = Share(workspace, (), asyncio.get_running_loop().create_future())
    share.rows = [b""] * facts
    share.size = facts * 10 if size is None else size
    return share


def counted(group: list[Piece]) -> dict[int, int]:
    """Facts by workspace."""
    found: Counter[int] = Counter()
    for share, start, stop in group:
        found[share.workspace] += stop - start
    return dict(found)


async def test_a_workspace_alone_fills_a_group() -> None:
    queue = FairQueue(alone=100, among_others=10)
    for _ in range(3):
        queue.put(a_share(1, 60))

    assert [counted(queue.group()), counted(queue.group())] == [{1: 100}, {1: 80}]
    assert not queue


async def test_a_few_facts_of_another_are_known_for_a_moment_and_many_are_not() -> None:
    time = Time()
    queue = FairQueue(beside_few=5, just_now=0.005, clock=time)
    assert not queue.few_of_another(1)

    queue.put(a_share(2, 1))
    assert (queue.few_of_another(1), queue.few_of_another(2)) == (True, False)

    queue.put(a_share(1, 5))
    queue.put(a_share(1, 5))
    assert (queue.few_of_another(1), queue.few_of_another(2)) == (True, True)

    time.now = 0.005
    queue.put(a_share(1, 1))
    queue.put(a_share(3, 6))
    assert (queue.few_of_another(1), queue.few_of_another(2)) == (False, True)


async def test_a_large_share_goes_in_pieces_and_in_order() -> None:
    queue = FairQueue(alone=100)
    share = a_share(1, 250)
    queue.put(share)

    pieces = [piece for _ in range(3) for piece in queue.group()]

    assert [(piece.start, piece.stop) for piece in pieces] == [(0, 100), (100, 200), (200, 250)]


async def test_a_flood_leaves_room_for_the_lone_fact_of_another_workspace() -> None:
    queue = FairQueue(alone=1_000, among_others=50, beside_few=5)
    for _ in range(20):
        queue.put(a_share(1, 1_000))
    queue.group()

    queue.put(a_share(2, 1))

    assert counted(queue.group()) == {1: 5, 2: 1}
    assert counted(queue.group()) == {1: 50}


async def test_two_that_flood_have_larger_parts() -> None:
    queue = FairQueue(alone=1_000, among_others=50, beside_few=5)
    queue.put(a_share(1, 1_000))
    queue.put(a_share(2, 1_000))

    assert counted(queue.group()) == {1: 50, 2: 50}


async def test_groups_stay_small_for_a_while_after_others_were_seen() -> None:
    time = Time()
    queue = FairQueue(alone=1_000, among_others=50, memory=2.0, clock=time)
    queue.put(a_share(1, 5_000))
    queue.put(a_share(2, 1))
    queue.group()

    time.now = 1.9
    soon = counted(queue.group())
    time.now = 2.1
    later = counted(queue.group())

    assert (soon, later) == ({1: 50}, {1: 1_000})


async def test_every_workspace_has_its_turn_where_a_group_cannot_hold_them_all() -> None:
    queue = FairQueue(alone=10, among_others=5)
    for workspace in range(1, 7):
        queue.put(a_share(workspace, 100))

    first, second, third = (counted(queue.group()) for _ in range(3))

    assert [first, second, third] == [{1: 5, 2: 5}, {3: 5, 4: 5}, {5: 5, 6: 5}]


async def test_long_facts_make_short_groups() -> None:
    queue = FairQueue(alone=1_000, most_bytes_together=10_000)
    queue.put(a_share(1, 100, size=100_000))

    assert counted(queue.group()) == {1: 10}


async def test_a_share_that_was_answered_is_not_begun() -> None:
    queue = FairQueue()
    share = a_share(1, 5)
    queue.put(share)
    share.answer.cancel()

    assert queue.group() == []
    assert not queue


@pytest.mark.parametrize(
    "queue", [FairQueue(most_facts_each=100), FairQueue(most_bytes_each=1_000), FairQueue(most_bytes=1_000)]
)
async def test_beyond_a_bound_nothing_more_waits(queue: FairQueue) -> None:
    queue.put(a_share(1, 60))

    with pytest.raises(Overloaded):
        queue.put(a_share(1, 60))
    queue.group()
    queue.put(a_share(1, 60))


async def test_one_workspace_cannot_use_up_the_others_room() -> None:
    queue = FairQueue(most_facts_each=100)
    queue.put(a_share(1, 100))

    queue.put(a_share(2, 100))

    assert counted(queue.group()) == {1: 64, 2: 64}


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 300)), min_size=1, max_size=30))
def test_nothing_is_lost_doubled_or_overtaken(sizes: list[tuple[int, int]]) -> None:
    async def run() -> None:
        queue = FairQueue(alone=100, among_others=30)
        shares = [a_share(workspace, facts) for workspace, facts in sizes]
        for share in shares:
            queue.put(share)
        pieces = []
        while queue:
            group = queue.group()
            assert 0 < sum(counted(group).values()) <= 130
            pieces += group
        for share in shares:
            mine = [piece for piece in pieces if piece.share is share]
            assert mine[0].start == 0
            assert mine[-1].stop == len(share.rows)
            assert all(one.stop == other.start for one, other in pairwise(mine))

    asyncio.run(run())
