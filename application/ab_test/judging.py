"""The worker's rounds over the tests that run: due work that comes again, soon where much happens, seldom elsewhere."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from application.ab_test.judge_ab_test import JudgeABTest, Judged
from application.ports import Caller, Claimed, DueQueue
from domain.ab_test.evidence import Evidence

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(seconds=30)
"""Between two rounds: doubled while nothing new comes."""
MOST_REMEMBERED = 10_000


class Judging:
    """Remembers by what each test was judged last, so that a round over a quiet test costs two reads."""

    def __init__(self, judge: JudgeABTest) -> None:
        self._judge = judge
        self._known: dict[UUID, tuple[Evidence | None, timedelta]] = {}

    async def __call__(self, queue: DueQueue, piece: Claimed, caller: Caller, correlation: str) -> None:
        """One round of one test. NotFound."""
        seen, pause = self._known.pop(piece.stream, (None, SHORTEST))
        judged, evidence = await self._judge(caller, piece.stream, piece.at, correlation, seen)
        if judged is Judged.OVER:
            await queue.drop(piece.claim)
            return
        quiet = seen is not None and evidence is seen
        pause = min(pause * 2, LONGEST) if quiet else SHORTEST
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[piece.stream] = (evidence, pause)
        await queue.again(piece.claim, piece.at + pause)
