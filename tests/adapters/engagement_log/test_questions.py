"""Many requests ask at once; the database is asked once."""

from __future__ import annotations

import asyncio

import pytest

from adapters.engagement_log.cache import Cache
from adapters.engagement_log.questions import Questions
from application.ports import Unavailable


class Oracle:
    """Knows the squares of small numbers, slowly; fails where it is told to."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.fails = False

    async def __call__(self, keys: list[int]) -> dict[int, int]:
        """The squares of those below 100."""
        self.asked.append(sorted(keys))
        await asyncio.sleep(0.01)
        if self.fails:
            raise Unavailable("away")
        return {key: key * key for key in keys if key < 100}


async def test_what_comes_while_a_question_is_under_way_goes_into_the_next() -> None:
    oracle = Oracle()
    questions = Questions(oracle, 100)

    first = asyncio.create_task(questions.answer([1]))
    await asyncio.sleep(0.005)
    others = [asyncio.create_task(questions.answer([2, 3])), asyncio.create_task(questions.answer([3, 4]))]
    answers = await asyncio.gather(first, *others)

    assert answers == [{1: 1}, {2: 4, 3: 9}, {3: 9, 4: 16}]
    assert oracle.asked == [[1], [2, 3, 4]]


async def test_what_was_found_is_not_asked_again_and_what_was_not_is() -> None:
    oracle = Oracle()
    questions = Questions(oracle, 100)
    await questions.answer([5, 500])

    assert await questions.answer([5, 500]) == {5: 25}
    assert oracle.asked == [[5, 500], [500]]


async def test_a_failure_reaches_all_who_asked_and_the_next_question_is_fresh() -> None:
    oracle = Oracle()
    questions = Questions(oracle, 100)
    oracle.fails = True
    failed = await asyncio.gather(questions.answer([1]), questions.answer([1, 2]), return_exceptions=True)
    oracle.fails = False

    assert [type(error) for error in failed] == [Unavailable, Unavailable]
    assert await questions.answer([1, 2]) == {1: 1, 2: 4}


async def test_one_who_leaves_does_not_take_the_answer_away_from_others() -> None:
    questions = Questions(Oracle(), 100)
    leaving, staying = (asyncio.create_task(questions.answer([7])) for _ in range(2))
    await asyncio.sleep(0.005)

    leaving.cancel()

    assert await staying == {7: 49}
    with pytest.raises(asyncio.CancelledError):
        await leaving


def test_a_cache_keeps_what_is_used_and_forgets_the_rest() -> None:
    cache: Cache[int, int] = Cache(100)
    for number in range(10_000):
        cache.put(number, number)
        assert cache.get(0) == 0

    assert sum(cache.get(number) is not None for number in range(10_000)) <= 201


def test_a_cleared_cache_knows_nothing() -> None:
    cache: Cache[int, int] = Cache(2)
    for number in range(3):
        cache.put(number, number)

    cache.clear()

    assert [cache.get(number) for number in range(3)] == [None] * 3
