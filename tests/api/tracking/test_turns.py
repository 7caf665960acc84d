"""One workspace's flood and another's lone fact."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from api.tracking.turns import Turns, cost_of


class Time:
    """A clock that stands still until it is told."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


async def test_a_workspace_alone_is_never_held_up() -> None:
    turns = Turns(most=2)

    assert [turns.enter(1, 5) for _ in range(100)] == [None] * 100


async def test_beside_another_a_flood_waits_and_the_other_does_not() -> None:
    turns = Turns(most=2)
    turns.enter(2, 1)

    flood = [turns.enter(1, 1) for _ in range(5)]

    assert [turn is None for turn in flood] == [True, True, False, False, False]
    assert turns.enter(2, 1) is None


async def test_who_waits_comes_in_order_as_others_leave() -> None:
    turns = Turns(most=2)
    turns.enter(2, 1)
    flood = [turns.enter(1, 1) for _ in range(5)]

    turns.leave(1, 1)
    first = [turn.done() for turn in flood if turn is not None]
    turns.leave(1, 1)
    second = [turn.done() for turn in flood if turn is not None]

    assert (first, second) == ([True, False, False], [True, True, False])


async def test_a_large_request_comes_alone() -> None:
    turns = Turns(most=4)
    turns.enter(2, 1)

    assert turns.enter(1, 100) is None
    behind = turns.enter(1, 1)
    assert behind is not None
    turns.leave(1, 100)
    assert behind.done()


async def test_some_time_after_the_other_left_nobody_waits() -> None:
    time = Time()
    turns = Turns(most=1, memory=2.0, clock=time)
    turns.enter(2, 1)
    turns.leave(2, 1)
    turns.enter(1, 1)
    waiting = [turns.enter(1, 1) for _ in range(3)]

    time.now = 2.0
    turns.leave(1, 1)

    assert all(turn is not None and turn.done() for turn in waiting)


async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    turns = Turns(most=1)
    turns.enter(2, 1)
    turns.enter(1, 1)
    leaving, staying = turns.enter(1, 1), turns.enter(1, 1)
    assert leaving is not None
    assert staying is not None

    leaving.cancel()
    turns.leave(1, 1)

    assert staying.done()


def test_a_batch_costs_more_than_a_fact() -> None:
    assert [cost_of(0), cost_of(300), cost_of(330_000)] == [1, 1, 162]


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 40)), max_size=60))
def test_everybody_gets_a_turn_and_nothing_is_left_behind(asked: list[tuple[int, int]]) -> None:
    async def run() -> None:
        turns = Turns(most=8)
        done = 0

        async def use(workspace: int, cost: int) -> None:
            nonlocal done
            turn = turns.enter(workspace, cost)
            if turn is not None:
                await turn
            await asyncio.sleep(0)
            turns.leave(workspace, cost)
            done += 1

        async with asyncio.timeout(5):
            await asyncio.gather(*(use(workspace, cost) for workspace, cost in asked))
        assert done == len(asked)
        assert not turns._inside
        assert not turns._waiting

    asyncio.run(run())
